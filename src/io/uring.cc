#include "io/uring.h"

#include <boost/asio/buffer.hpp>
#include <sys/eventfd.h>

#include <cerrno>
#include <unistd.h>
#include <utility>

#include "base/assert.h"
#include "io/system_error.h"

namespace walrus::io {
namespace {

constexpr unsigned kSubmissionEntries = 256;
constexpr std::size_t kMaxInFlight = 2 * kSubmissionEntries;  // the kernel's default size of the completion queue

}  // namespace

Result<std::unique_ptr<Uring>> Uring::open(AsioLoop& loop) {
  auto ring = std::make_unique<Ring>();
  // Completions need no interrupt of a busy loop: it enters the kernel at the end of its turn anyway.
  int error = io_uring_queue_init(kSubmissionEntries, &ring->ring, IORING_SETUP_COOP_TASKRUN);
  if (error == -EINVAL) error = io_uring_queue_init(kSubmissionEntries, &ring->ring, 0);
  if (error < 0) return fail(ErrorCode::kUnsupported, system_error(-error, "set up", "io_uring").detail);
  ring->open = true;
  const int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_fd < 0) return fail(ErrorCode::kUnsupported, system_error(errno, "create", "eventfd").detail);
  error = io_uring_register_eventfd(&ring->ring, event_fd);
  if (error < 0) {
    close(event_fd);
    return fail(ErrorCode::kUnsupported, system_error(-error, "register eventfd with", "io_uring").detail);
  }
  return std::unique_ptr<Uring>(new Uring(loop, std::move(ring), event_fd));
}

Uring::Uring(AsioLoop& loop, std::unique_ptr<Ring> ring, int event_fd)
    : FileQueue(loop), loop_(loop), ring_(std::move(ring)), event_(loop.context(), event_fd) {
  wait_for_completions();
}

Uring::~Uring() { drain(); }

void Uring::submit(FileOperation operation) {
  WALRUS_ASSERT(loop_.in_thread());
  if (free_.empty()) {
    memory_.push_back(std::make_unique<FileOperation>());
    free_.push_back(memory_.back().get());
  }
  FileOperation* slot = std::exchange(free_.back(), nullptr);
  free_.pop_back();
  *slot = std::move(operation);
  if (in_flight_ == kMaxInFlight) {
    waiting_.push_back(slot);
  } else {
    ++in_flight_;
    start(slot);
  }
}

void Uring::start(FileOperation* operation) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_->ring);
  if (entry == nullptr) {
    flush();
    entry = io_uring_get_sqe(&ring_->ring);
    WALRUS_ASSERT(entry != nullptr, "the kernel did not take the submission queue");
  }
  const auto size = static_cast<unsigned>(operation->size - operation->transferred);
  char* memory = operation->memory + operation->transferred;
  const std::uint64_t position = operation->position + operation->transferred;
  switch (operation->kind) {
    case FileOperation::Kind::kRead:
      io_uring_prep_read(entry, operation->file->fd, memory, size, position);
      break;
    case FileOperation::Kind::kWrite:
      io_uring_prep_write(entry, operation->file->fd, memory, size, position);
      break;
    case FileOperation::Kind::kSync:
      io_uring_prep_fsync(entry, operation->file->fd, IORING_FSYNC_DATASYNC);
      break;
  }
  io_uring_sqe_set_data(entry, operation);
  if (std::exchange(flush_posted_, true)) return;
  loop_.post([this] {
    flush_posted_ = false;
    flush();
  });
}

void Uring::flush() {
  while (io_uring_sq_ready(&ring_->ring) > 0) {
    const int taken = io_uring_submit(&ring_->ring);
    // EAGAIN and EBUSY pass as the kernel finishes other requests; nothing here can go on without them.
    WALRUS_ASSERT(taken >= 0 || taken == -EINTR || taken == -EAGAIN || taken == -EBUSY);
  }
}

void Uring::wait_for_completions() {
  event_.async_read_some(boost::asio::buffer(&event_count_, sizeof event_count_),
                         [this](const boost::system::error_code& error, std::size_t) {
                           if (error) return;  // the descriptor is closed at the end
                           reap();
                           wait_for_completions();
                         });
}

void Uring::reap() {
  io_uring_cqe* entry = nullptr;
  while (io_uring_peek_cqe(&ring_->ring, &entry) == 0) {
    auto* operation = static_cast<FileOperation*>(io_uring_cqe_get_data(entry));
    const int answer = entry->res;
    io_uring_cqe_seen(&ring_->ring, entry);
    complete(operation, answer, true);
  }
}

void Uring::complete(FileOperation* operation, int answer, bool run_callback) {
  if (!operation->advance(answer)) return start(operation);
  operation->leave_kernel();
  // The slot is free before the callback, which may submit the next operation.
  FileOperation done = std::move(*operation);
  free_.push_back(operation);
  if (waiting_.empty()) {
    --in_flight_;
  } else {
    FileOperation* next = waiting_.front();
    waiting_.pop_front();
    start(next);
  }
  if (run_callback) done.finish();
}

void Uring::drain() {
  WALRUS_ASSERT(in_flight_ == 0 || !loop_.running(), "a file was destroyed before its operations were done");
  while (in_flight_ > 0) {
    flush();
    io_uring_cqe* entry = nullptr;
    const int error = io_uring_wait_cqe(&ring_->ring, &entry);
    if (error == -EINTR) continue;
    WALRUS_ASSERT(error == 0);
    auto* operation = static_cast<FileOperation*>(io_uring_cqe_get_data(entry));
    const int answer = entry->res;
    io_uring_cqe_seen(&ring_->ring, entry);
    complete(operation, answer, false);
  }
}

}  // namespace walrus::io
