// A disk in memory whose asynchronous operations are done with the loop's next tasks: what runs above it can be counted
// without the kernel's part in it, the same in every run. It forgets nothing and never fails for want of space; tests
// of what a disk does to us use io/sim/sim_disk.h. An operation allocates nothing once its queue has grown.
//
// One loop, one thread. Destroyed before its loop and after its files.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "io/file.h"

namespace walrus::budget {

class MemoryDisk final : public io::Disk {
 public:
  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenOptions options, io::Loop* loop) override;
  Status make_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Status sync_directory(const std::string&) override { return {}; }
  Result<std::uint64_t> free_bytes(const std::string&) override { return std::uint64_t{1} << 40; }
  Result<std::unique_ptr<io::DirectoryLock>> lock(const std::string& path) override;

  using Content = std::vector<char>;
  struct Completion {
    std::variant<io::Done, io::ReadDone> done;
    std::size_t size = 0;  ///< read
  };
  /// For files: runs with the tasks that `loop` runs next.
  void complete_soon(io::Loop& loop, Completion completion);

 private:
  void complete();

  std::map<std::string, std::shared_ptr<Content>> files_;  // null: a directory
  std::vector<Completion> completions_;
  std::vector<Completion> completing_;  // kept for its memory
};

}  // namespace walrus::budget
