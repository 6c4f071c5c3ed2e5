// A real disk that can keep the writes of some files for itself, and fail them later: between, programs see what is on
// its way to the disk and never arrives. And it can refuse to open a file.
//
// Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/posix_disk.h"

namespace walrus::test {

/// The switch, which outlives the disk.
class HeldWrites {
 public:
  /// From now on, of files whose path has this in it.
  void hold(std::string part_of_path) {
    const std::lock_guard lock(mutex_);
    part_of_path_ = std::move(part_of_path);
  }
  /// The next open of a file whose path has this in it fails.
  void refuse_open(std::string part_of_path) {
    const std::lock_guard lock(mutex_);
    refused_ = std::move(part_of_path);
  }
  bool refuses(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (refused_.empty() || !path.contains(refused_)) return false;
    refused_.clear();
    return true;
  }
  /// Those that are held; later ones pass.
  void fail() {
    std::vector<Held> held;
    {
      const std::lock_guard lock(mutex_);
      part_of_path_.clear();
      held.swap(held_);
    }
    for (Held& write : held) {
      write.loop->post(
          [done = std::move(write.done)]() mutable { done(walrus::fail(ErrorCode::kIo, "as the test wants")); });
    }
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  /// True when the write is held. Zeros never are: the log writes them ahead, and waits for them.
  bool take(const std::string& path, std::string_view bytes, io::Loop* loop, io::Done& done) {
    const std::lock_guard lock(mutex_);
    if (part_of_path_.empty() || loop == nullptr || !path.contains(part_of_path_)) return false;
    if (bytes.find_first_not_of('\0') == std::string_view::npos) return false;
    held_.push_back({loop, std::move(done)});
    return true;
  }

 private:
  struct Held {
    io::Loop* loop = nullptr;
    io::Done done;
  };
  mutable std::mutex mutex_;
  std::string part_of_path_;
  std::string refused_;
  std::vector<Held> held_;
};

class HoldingFile final : public io::File {
 public:
  HoldingFile(HeldWrites& held, std::string path, io::Loop* loop, std::unique_ptr<io::File> file)
      : held_(held), path_(std::move(path)), loop_(loop), file_(std::move(file)) {}

  Result<std::size_t> read(std::uint64_t position, char* into, std::size_t size) override {
    return file_->read(position, into, size);
  }
  Status write(std::uint64_t position, std::string_view bytes) override { return file_->write(position, bytes); }
  Status sync() override { return file_->sync(); }
  Status truncate(std::uint64_t size) override { return file_->truncate(size); }
  Result<std::uint64_t> size() override { return file_->size(); }
  Status prewrite(std::uint64_t size) override { return file_->prewrite(size); }
  void async_write(std::uint64_t position, std::string_view bytes, io::Done done) override {
    if (!held_.take(path_, bytes, loop_, done)) file_->async_write(position, bytes, std::move(done));
  }
  void async_read(std::uint64_t position, char* into, std::size_t size, io::ReadDone done) override {
    file_->async_read(position, into, size, std::move(done));
  }
  void async_sync(io::Done done) override { file_->async_sync(std::move(done)); }

 private:
  HeldWrites& held_;
  const std::string path_;
  io::Loop* const loop_;
  const std::unique_ptr<io::File> file_;
};

class HoldingDisk final : public io::Disk {
 public:
  explicit HoldingDisk(HeldWrites& held) : held_(held) {}

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenOptions options, io::Loop* loop) override {
    if (held_.refuses(path)) return walrus::fail(ErrorCode::kIo, path + ": as the test wants");
    WALRUS_ASSIGN(auto file, disk_.open(path, options, loop));
    return std::make_unique<HoldingFile>(held_, path, loop, std::move(file));
  }
  Status make_directories(const std::string& path) override { return disk_.make_directories(path); }
  Status rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
  Status remove(const std::string& path) override { return disk_.remove(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return disk_.list(path); }
  Result<bool> exists(const std::string& path) override { return disk_.exists(path); }
  Status sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
  Result<std::uint64_t> free_bytes(const std::string& path) override { return disk_.free_bytes(path); }
  Result<std::unique_ptr<io::DirectoryLock>> lock(const std::string& path) override { return disk_.lock(path); }

 private:
  HeldWrites& held_;
  io::PosixDisk disk_;
};

}  // namespace walrus::test
