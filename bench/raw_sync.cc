#include "bench/raw_sync.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <liburing.h>
#include <memory>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "bench/lane.h"

namespace walrus::bench {
namespace {

constexpr std::size_t kAlignment = 4096;
constexpr std::size_t kFillBytes = 1024 * 1024;

std::unexpected<Error> io_error(std::string_view what, int error) {
  return fail(ErrorCode::kIo, fmt::format("{}: {}", what, std::generic_category().message(error)));
}

struct FreeMemory {
  void operator()(char* memory) const { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<char, FreeMemory>;

/// Memory that does not compress to nothing.
AlignedMemory aligned_noise(std::size_t bytes) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  AlignedMemory memory(static_cast<char*>(std::aligned_alloc(kAlignment, rounded)));
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < rounded; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    memory.get()[i] = static_cast<char>(state >> 24);
  }
  return memory;
}

class TestFile {
 public:
  ~TestFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  Status create(const std::filesystem::path& directory, std::size_t bytes) {
    path_ = (directory / "walrus-raw-sync-XXXXXX").string();
    const int created = ::mkstemp(path_.data());
    if (created < 0) {
      const int error = errno;
      const auto failed = io_error("cannot create a file in " + directory.string(), error);
      path_.clear();
      return failed;
    }
    ::close(created);
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
    if (descriptor_ < 0) return io_error("cannot open " + path_ + " with O_DIRECT|O_DSYNC", errno);
    const AlignedMemory noise = aligned_noise(kFillBytes);
    for (std::size_t at = 0; at < bytes; at += kFillBytes) {
      if (::pwrite(descriptor_, noise.get(), kFillBytes, static_cast<off_t>(at)) != static_cast<ssize_t>(kFillBytes)) {
        return io_error("cannot fill " + path_, errno);
      }
    }
    return {};
  }

  int descriptor() const { return descriptor_; }

 private:
  std::string path_;
  int descriptor_ = -1;
};

Status write_one_by_one(const RawSyncPlan& plan, int file, const char* block, RawSyncResult& result) {
  const std::size_t blocks = plan.file_bytes / plan.bytes;
  const Nanoseconds end = monotonic_now() + plan.duration.count();
  Nanoseconds began = monotonic_now();
  while (began < end) {
    const auto at = static_cast<off_t>(result.writes % blocks * plan.bytes);
    if (::pwrite(file, block, plan.bytes, at) != static_cast<ssize_t>(plan.bytes)) return io_error("write", errno);
    const Nanoseconds now = monotonic_now();
    result.latency.record(static_cast<std::uint64_t>(now - began));
    ++result.writes;
    began = now;
  }
  return {};
}

class Ring {
 public:
  ~Ring() {
    if (ready_) ::io_uring_queue_exit(&ring_);
  }
  Status open(std::size_t depth) {
    if (const int error = ::io_uring_queue_init(static_cast<unsigned>(depth), &ring_, 0); error != 0) {
      return io_error("io_uring is not available; use --depth 1", -error);
    }
    ready_ = true;
    return {};
  }
  io_uring* get() { return &ring_; }

 private:
  io_uring ring_{};
  bool ready_ = false;
};

Status write_in_parallel(const RawSyncPlan& plan, int file, const char* block, RawSyncResult& result) {
  Ring ring;
  WALRUS_TRY(ring.open(plan.depth));
  const std::size_t blocks = plan.file_bytes / plan.bytes;
  std::vector<Nanoseconds> began(plan.depth);
  std::uint64_t issued = 0;
  std::size_t in_flight = 0;
  const auto issue = [&](std::size_t slot, Nanoseconds now) {
    io_uring_sqe* entry = ::io_uring_get_sqe(ring.get());
    ::io_uring_prep_write(entry, file, block, static_cast<unsigned>(plan.bytes), issued++ % blocks * plan.bytes);
    ::io_uring_sqe_set_data64(entry, slot);
    began[slot] = now;
    ++in_flight;
  };
  const Nanoseconds start = monotonic_now();
  const Nanoseconds end = start + plan.duration.count();
  for (std::size_t slot = 0; slot < plan.depth; ++slot) issue(slot, start);
  Status status;
  while (in_flight > 0) {
    ::io_uring_submit_and_wait(ring.get(), 1);
    const Nanoseconds now = monotonic_now();
    io_uring_cqe* done = nullptr;
    while (::io_uring_peek_cqe(ring.get(), &done) == 0) {
      const auto slot = static_cast<std::size_t>(::io_uring_cqe_get_data64(done));
      if (done->res != static_cast<int>(plan.bytes)) status = io_error("write", done->res < 0 ? -done->res : EIO);
      ::io_uring_cqe_seen(ring.get(), done);
      --in_flight;
      result.latency.record(static_cast<std::uint64_t>(now - began[slot]));
      ++result.writes;
      if (status && now < end) issue(slot, now);
    }
  }
  return status;
}

}  // namespace

Result<RawSyncResult> run_raw_sync(const RawSyncPlan& plan) {
  TestFile file;
  WALRUS_TRY(file.create(plan.directory, plan.file_bytes));
  const AlignedMemory block = aligned_noise(plan.bytes);
  RawSyncResult result;
  const Nanoseconds start = monotonic_now();
  const auto write = plan.depth == 1 ? write_one_by_one : write_in_parallel;
  WALRUS_TRY(write(plan, file.descriptor(), block.get(), result));
  result.seconds = static_cast<double>(monotonic_now() - start) / 1e9;
  return result;
}

}  // namespace walrus::bench
