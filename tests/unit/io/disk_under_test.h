// The disks that promise what io/file.h says, each with a loop and a directory of its own, for one suite over all.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "io/file.h"

namespace walrus::io {

class DiskUnderTest {
 public:
  virtual ~DiskUnderTest() = default;

  virtual Disk& disk() = 0;
  virtual Loop* loop() = 0;
  /// An empty directory.
  virtual std::string directory() = 0;
  /// Runs `work` as a task of the loop, and waits for its end.
  virtual void on_loop(std::function<void()> work) = 0;
  /// Lets the loop run until `predicate` (evaluated on the loop) holds; false when it did not in a long time.
  virtual bool run_until(std::function<bool()> predicate) = 0;
};

struct DiskKind {
  std::string name;
  std::function<std::unique_ptr<DiskUnderTest>()> make;  ///< null where this machine has no such thing
};

void PrintTo(const DiskKind& kind, std::ostream* out);

/// SimDisk, and PosixDisk with io_uring and without it, on a real filesystem and on tmpfs where there is one.
std::vector<DiskKind> disk_kinds();

}  // namespace walrus::io
