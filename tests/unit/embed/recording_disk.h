// A real disk that tells a Recording of every change. What it is asked for it does; reads are not told.
//
// Threads: as PosixDisk. Outlived by the recording.
#pragma once

#include <memory>
#include <string>

#include "io/posix_disk.h"
#include "tests/unit/embed/recording.h"

namespace walrus::test {

class RecordingDisk final : public io::Disk {
 public:
  /// Paths below `root` are told without it; others are changed without a word.
  RecordingDisk(Recording& recording, std::string root) : recording_(recording), root_(std::move(root)) {}

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenOptions options, io::Loop* loop) override;
  Status make_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override { return disk_.list(path); }
  Result<bool> exists(const std::string& path) override { return disk_.exists(path); }
  Status sync_directory(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override { return disk_.free_bytes(path); }
  Result<std::unique_ptr<io::DirectoryLock>> lock(const std::string& path) override;

 private:
  bool is_below_root(const std::string& path) const { return path == root_ || path.starts_with(root_ + "/"); }
  std::string below_root(const std::string& path) const { return path.substr(root_.size()); }
  /// Does `change` and tells of it, if it is below the root.
  template <class Change>
  auto told(const std::string& path, DiskEvent event, Change change);

  Recording& recording_;
  const std::string root_;
  io::PosixDisk disk_;
};

}  // namespace walrus::test
