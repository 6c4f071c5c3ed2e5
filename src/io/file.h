// Files and directories, the only way to storage. Production: PosixDisk (io/posix_disk.h) with io_uring or a plain
// fallback behind the asynchronous calls. Tests: SimDisk (io/sim/sim_disk.h), which forgets what was not synced.
//
// Errors: kDiskFull for ENOSPC/EDQUOT, kNotFound, kExists, kLocked, else kIo; the detail names operation, path and
// errno text. A failed write or sync leaves the content of the range unknown: the caller must stop using the file
// (Linux forgets dirty pages after a failed fsync; a retry would lie).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/loop.h"

namespace walrus::io {

using Done = std::move_only_function<void(Status)>;
using ReadDone = std::move_only_function<void(Result<std::size_t>)>;

struct OpenOptions {
  enum class Mode { kRead, kReadWrite, kCreate /* or open */, kCreateNew /* fail if there */ };
  Mode mode = Mode::kRead;
  /// O_DIRECT|O_DSYNC: buffers, positions and sizes are multiples of limits::kDirectAlignment, and a write is durable
  /// when it is done. Where the filesystem refuses O_DIRECT (tmpfs) the disk falls back to buffered writes with
  /// O_DSYNC, with the same promise.
  bool direct_sync = false;
  /// O_DIRECT alone, for large writes that the page cache would only slow down: the same alignment and the same
  /// fallback, durable after sync() of any handle of the file. Other handles see what is written as soon as it is done.
  bool direct = false;

  bool aligned() const { return direct_sync || direct; }
};

class File {
 public:
  virtual ~File() = default;

  // Blocking; any one thread at a time.
  /// Bytes read; fewer than `size` only at the end of the file.
  virtual Result<std::size_t> read(std::uint64_t position, char* into, std::size_t size) = 0;
  virtual Status write(std::uint64_t position, std::string_view bytes) = 0;
  /// Content and size durable (fdatasync).
  virtual Status sync() = 0;
  virtual Status truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  /// Really allocates and writes zeros from the present end up to `size` and syncs, so that later writes do not change
  /// metadata. Of a file that has that size already, it only syncs.
  virtual Status prewrite(std::uint64_t size) = 0;

  /// A hint that this range will be read soon, in order. Does not wait for the data.
  virtual void will_read(std::uint64_t /*position*/, std::uint64_t /*size*/) {}

  // Asynchronous: `done` runs on the loop that the file was opened for, never before the call returns. Several may be
  // in flight, and may complete in any order. The memory stays valid until then; the file outlives them.
  virtual void async_write(std::uint64_t position, std::string_view bytes, Done done) = 0;
  /// The same for a write that nothing else of this loop is in flight with or waits behind. On a fast disk the loop's
  /// thread stays with it, a turn of the loop later, which spares the switches to other threads and back.
  virtual void async_write_alone(std::uint64_t position, std::string_view bytes, Done done) {
    async_write(position, bytes, std::move(done));
  }
  virtual void async_read(std::uint64_t position, char* into, std::size_t size, ReadDone done) = 0;
  virtual void async_sync(Done done) = 0;
};

/// Held for the life of a process on its data directory.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

class Disk {
 public:
  virtual ~Disk() = default;

  /// `loop` gets the completions of the asynchronous calls; it may be null when none are made.
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenOptions options, Loop* loop) = 0;
  /// Like mkdir -p. New directories are durable after sync_directory() of their parents.
  virtual Status make_directories(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// A file or an empty directory.
  virtual Status remove(const std::string& path) = 0;
  /// Names (not paths) in the directory, sorted; kNotFound when there is none.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  /// Makes creations, renames and removals in the directory durable.
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
  /// flock on `path`; kLocked when another process has it.
  virtual Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) = 0;

  /// Whole small files. Replacing is atomic and durable: write to a temporary name, sync, rename, sync the directory.
  Result<std::string> read_file(const std::string& path);
  Status replace_file(const std::string& path, std::string_view content);
  /// As make_directories(), and every one that is new is durable. Also over a program that was killed half way through
  /// this: what it has left is made durable, too.
  Status make_durable_directories(const std::string& path);
};

}  // namespace walrus::io
