// The disk of a real machine: io::Disk by system calls. Asynchronous operations go to one io_uring per loop when the
// loop is an AsioLoop and the kernel lets us; otherwise (or when the option says so) to a few threads. Both keep the
// same promises and pass the same tests.
//
// Lifetime: outlives its files and is destroyed before the loops they were opened for, after those came to their end.
// A file with operations in flight may be destroyed only then, too; its destructor waits for the kernel.
//
// Any thread may call the methods of the disk; a file belongs to its loop's thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "io/disk_threads.h"
#include "io/file.h"
#include "io/file_queue.h"

namespace walrus::io {

class PosixDisk final : public Disk {
 public:
  struct Options {
    bool use_io_uring = true;
    bool use_direct_io = true;  ///< false: all goes through the page cache, as if O_DIRECT were refused
  };

  PosixDisk() : PosixDisk(Options{}) {}
  explicit PosixDisk(Options options) : options_(options) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenOptions options, Loop* loop) override;
  Status make_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override;

  /// False once a ring was refused, or when the options forbid it: for the start-up log and METRICS.
  bool uses_io_uring() const;

 private:
  FileQueue& queue_for(Loop& loop);

  const Options options_;
  mutable std::mutex mutex_;  ///< for what follows
  bool uring_refused_ = false;
  std::unique_ptr<DiskThreads> threads_;  ///< made when first needed; outlives its queues
  std::map<Loop*, std::unique_ptr<FileQueue>> queues_;
};

}  // namespace walrus::io
