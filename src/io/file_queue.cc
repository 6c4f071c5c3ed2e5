#include "io/file_queue.h"

#include <cerrno>
#include <unistd.h>

#include "base/limits.h"
#include "io/system_error.h"

namespace walrus::io {
namespace {

/// Longer than a write to a fast disk with its flush, shorter than what others on the loop would notice.
constexpr Duration kBrief = std::chrono::milliseconds(1);

std::int64_t attempt(const FileOperation& operation) {
  const std::size_t size = operation.size - operation.transferred;
  char* memory = operation.memory + operation.transferred;
  const auto position = static_cast<off_t>(operation.position + operation.transferred);
  std::int64_t answer = 0;
  switch (operation.kind) {
    case FileOperation::Kind::kRead:
      answer = pread(operation.file->fd, memory, size, position);
      break;
    case FileOperation::Kind::kWrite:
      answer = pwrite(operation.file->fd, memory, size, position);
      break;
    case FileOperation::Kind::kSync:
      answer = fdatasync(operation.file->fd);
      break;
  }
  return answer < 0 ? -errno : answer;
}

}  // namespace

FileHandle::~FileHandle() { close(fd); }

bool FileOperation::advance(std::int64_t answer) {
  if (answer == -EINTR || answer == -EAGAIN) return false;
  if (answer < 0) {
    error = static_cast<int>(-answer);
    return true;
  }
  if (kind == Kind::kSync) return true;
  transferred += static_cast<std::size_t>(answer);
  if (transferred == size) return true;
  if (kind == Kind::kWrite) {
    if (answer == 0) error = EIO;  // the kernel takes nothing and does not say why
    return answer == 0;
  }
  // A short read is the end of the file, unless it was interrupted; asking again tells. Behind an unaligned end a
  // direct read cannot ask.
  return answer == 0 || (file->direct && static_cast<std::size_t>(answer) % limits::kDirectAlignment != 0);
}

void FileOperation::execute() {
  while (!advance(attempt(*this))) {
  }
}

void FileOperation::finish() {
  static constexpr const char* kNames[] = {"read", "write", "sync"};
  Status status;
  if (error != 0) status = fail(system_error(error, kNames[static_cast<int>(kind)], file->path));
  if (auto* read_done = std::get_if<ReadDone>(&done)) {
    if (status) return (*read_done)(transferred);
    return (*read_done)(fail(std::move(status.error())));
  }
  std::get<Done>(done)(std::move(status));
}

void FileQueue::submit_alone(FileOperation operation) {
  if (!brief_.worth_it()) return submit(std::move(operation));
  // What this turn still has to send goes out first.
  loop_.post([this, operation = std::move(operation)]() mutable { carry_out(std::move(operation)); });
}

void FileQueue::carry_out(FileOperation operation) {
  const TimePoint began = loop_.now();
  operation.execute();
  operation.leave_kernel();
  if (loop_.now() - began < kBrief) {
    brief_.won();
    loop_.expect_soon();
  } else {
    brief_.lost();
  }
  operation.finish();
}

}  // namespace walrus::io
