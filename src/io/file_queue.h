// Where the asynchronous operations of one loop's files go: io_uring (io/uring.h) or threads (io/disk_threads.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "base/wager.h"
#include "io/file.h"

namespace walrus::io {

/// An open file descriptor, closed at the end.
struct FileHandle {
  int fd = -1;
  bool direct = false;                     ///< positions and sizes are multiples of limits::kDirectAlignment
  std::string path;                        ///< for error texts
  std::atomic<std::size_t> in_flight = 0;  ///< operations whose memory the kernel may still touch

  FileHandle(int descriptor, bool is_direct, std::string name)
      : fd(descriptor), direct(is_direct), path(std::move(name)) {}
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle();
};

/// One operation, from the call until its callback.
struct FileOperation {
  enum class Kind { kRead, kWrite, kSync };

  Kind kind = Kind::kSync;
  FileHandle* file = nullptr;
  std::uint64_t position = 0;
  char* memory = nullptr;  ///< only read from by a write
  std::size_t size = 0;
  std::size_t transferred = 0;
  int error = 0;  ///< an errno value
  std::variant<Done, ReadDone> done{};

  /// Takes in what the kernel answered to a read, write or sync of the rest: bytes, or a negated errno. True when the
  /// operation is over and finish() may be called; false when its rest must be issued (again).
  bool advance(std::int64_t answer);

  /// Blocking: carries out what is left of it, until it is over. Any thread.
  void execute();

  /// The kernel is done with it. Any thread, once.
  void leave_kernel() const { --file->in_flight; }
  /// Runs the callback.
  void finish();
};

class FileQueue {
 public:
  explicit FileQueue(Loop& loop) : loop_(loop) {}
  virtual ~FileQueue() = default;
  FileQueue(const FileQueue&) = delete;
  FileQueue& operator=(const FileQueue&) = delete;
  /// Loop thread. The callback runs on the loop, never before submit() returns.
  virtual void submit(FileOperation operation) = 0;
  /// File::async_write_alone(): on the loop's thread, as long as such writes are brief.
  void submit_alone(FileOperation operation);
  /// For files that are destroyed after their loop came to its end: blocks until the kernel is done with the memory of
  /// everything in flight. The callbacks are never run.
  virtual void drain() = 0;

 private:
  void carry_out(FileOperation operation);

  Loop& loop_;
  Wager brief_;  ///< that the next one is
};

}  // namespace walrus::io
