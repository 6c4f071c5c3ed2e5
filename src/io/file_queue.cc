#include "io/file_queue.h"

#include <cerrno>
#include <unistd.h>

#include "base/limits.h"
#include "io/system_error.h"

namespace walrus::io {

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

}  // namespace walrus::io
