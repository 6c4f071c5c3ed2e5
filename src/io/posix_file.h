// An open file of a PosixDisk. See io/file.h for what it promises.
#pragma once

#include <memory>
#include <string>

#include "io/file.h"
#include "io/file_queue.h"

namespace walrus::io {

class PosixFile final : public File {
 public:
  /// Takes over `fd`. `queue` may be null when no asynchronous call is made.
  PosixFile(int fd, bool direct, std::string path, FileQueue* queue)
      : handle_(fd, direct, std::move(path)), queue_(queue) {}
  ~PosixFile() override;

  Result<std::size_t> read(std::uint64_t position, char* into, std::size_t size) override;
  Status write(std::uint64_t position, std::string_view bytes) override;
  Status sync() override;
  Status truncate(std::uint64_t size) override;
  Result<std::uint64_t> size() override;
  Status prewrite(std::uint64_t size) override;
  void will_read(std::uint64_t position, std::uint64_t size) override;

  void async_write(std::uint64_t position, std::string_view bytes, Done done) override;
  void async_write_alone(std::uint64_t position, std::string_view bytes, Done done) override;
  void async_read(std::uint64_t position, char* into, std::size_t size, ReadDone done) override;
  void async_sync(Done done) override;

 private:
  FileOperation write_operation(std::uint64_t position, std::string_view bytes, Done done);
  void submit(FileOperation operation);

  FileHandle handle_;
  FileQueue* const queue_;
};

}  // namespace walrus::io
