#include "io/posix_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "io/system_error.h"

namespace walrus::io {
namespace {

constexpr std::size_t kPrewriteBytes = limits::kMiB;

/// Writes all of `bytes`; 0 or an errno value.
int write_fully(int fd, std::uint64_t position, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    position += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int write_zeros(int fd, std::uint64_t position, std::uint64_t end) {
  const std::unique_ptr<char, decltype(&std::free)> zeros(
      static_cast<char*>(std::aligned_alloc(limits::kDirectAlignment, kPrewriteBytes)), &std::free);
  if (!zeros) return ENOMEM;
  std::memset(zeros.get(), 0, kPrewriteBytes);
  while (position < end) {
    const std::size_t size = std::min<std::uint64_t>(kPrewriteBytes, end - position);
    if (const int error = write_fully(fd, position, {zeros.get(), size})) return error;
    position += size;
  }
  return 0;
}

}  // namespace

PosixFile::~PosixFile() {
  if (handle_.in_flight > 0) queue_->drain();
}

Result<std::size_t> PosixFile::read(std::uint64_t position, char* into, std::size_t size) {
  FileOperation operation{.kind = FileOperation::Kind::kRead, .file = &handle_, .size = size};
  while (true) {
    const ssize_t got = pread(handle_.fd, into + operation.transferred, size - operation.transferred,
                              static_cast<off_t>(position + operation.transferred));
    if (got < 0 && errno != EINTR) return fail(system_error(errno, "read", handle_.path));
    if (operation.advance(got < 0 ? -EINTR : got)) return operation.transferred;
  }
}

Status PosixFile::write(std::uint64_t position, std::string_view bytes) {
  if (const int error = write_fully(handle_.fd, position, bytes))
    return fail(system_error(error, "write", handle_.path));
  return {};
}

Status PosixFile::sync() {
  while (fdatasync(handle_.fd) != 0) {
    if (errno != EINTR) return fail(system_error(errno, "sync", handle_.path));
  }
  return {};
}

Status PosixFile::truncate(std::uint64_t size) {
  while (ftruncate(handle_.fd, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return fail(system_error(errno, "truncate", handle_.path));
  }
  return {};
}

Result<std::uint64_t> PosixFile::size() {
  struct stat status{};
  if (fstat(handle_.fd, &status) != 0) return fail(system_error(errno, "stat", handle_.path));
  return static_cast<std::uint64_t>(status.st_size);
}

Status PosixFile::prewrite(std::uint64_t size) {
  WALRUS_ASSIGN(const std::uint64_t present, this->size());
  if (present < size) {
    // One extent if the filesystem can; without it the writes below allocate. What has no room fails here already. The
    // size grows with the zeros only, so that a crash half way shows.
    const int allocated =
        fallocate(handle_.fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(present), static_cast<off_t>(size - present));
    if (allocated != 0 && errno != EOPNOTSUPP && errno != EINTR && errno != ENOSYS) {
      return fail(system_error(errno, "allocate", handle_.path));
    }
    // A descriptor without O_DSYNC, so that one sync at the end does for all. It bypasses the page cache like ours.
    const std::string self = "/proc/self/fd/" + std::to_string(handle_.fd);
    const int relaxed = ::open(self.c_str(), O_WRONLY | O_CLOEXEC | (handle_.direct ? O_DIRECT : 0));
    const int error = write_zeros(relaxed >= 0 ? relaxed : handle_.fd, present, size);
    if (relaxed >= 0) close(relaxed);
    if (error != 0) return fail(system_error(error, "prewrite", handle_.path));
  }
  return sync();
}

void PosixFile::will_read(std::uint64_t position, std::uint64_t size) {
  (void)posix_fadvise(handle_.fd, static_cast<off_t>(position), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
}

FileOperation PosixFile::write_operation(std::uint64_t position, std::string_view bytes, Done done) {
  return {.kind = FileOperation::Kind::kWrite,
          .file = &handle_,
          .position = position,
          .memory = const_cast<char*>(bytes.data()),  // a write only reads it
          .size = bytes.size(),
          .done = std::move(done)};
}

void PosixFile::submit(FileOperation operation) {
  WALRUS_ASSERT(queue_ != nullptr, "opened without a loop");
  ++handle_.in_flight;
  queue_->submit(std::move(operation));
}

void PosixFile::async_write(std::uint64_t position, std::string_view bytes, Done done) {
  submit(write_operation(position, bytes, std::move(done)));
}

void PosixFile::async_write_alone(std::uint64_t position, std::string_view bytes, Done done) {
  WALRUS_ASSERT(queue_ != nullptr, "opened without a loop");
  ++handle_.in_flight;
  queue_->submit_alone(write_operation(position, bytes, std::move(done)));
}

void PosixFile::async_read(std::uint64_t position, char* into, std::size_t size, ReadDone done) {
  submit({.kind = FileOperation::Kind::kRead,
          .file = &handle_,
          .position = position,
          .memory = into,
          .size = size,
          .done = std::move(done)});
}

void PosixFile::async_sync(Done done) {
  submit({.kind = FileOperation::Kind::kSync, .file = &handle_, .done = std::move(done)});
}

}  // namespace walrus::io
