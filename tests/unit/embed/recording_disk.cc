#include "tests/unit/embed/recording_disk.h"

#include <utility>

namespace walrus::test {
namespace {

using Kind = DiskEvent::Kind;

class RecordingFile final : public io::File {
 public:
  RecordingFile(Recording& recording, std::uint64_t number, std::string path, bool direct_sync,
                std::unique_ptr<io::File> file)
      : recording_(recording),
        number_(number),
        path_(std::move(path)),
        direct_sync_(direct_sync),
        file_(std::move(file)) {}

  Result<std::size_t> read(std::uint64_t position, char* into, std::size_t size) override {
    return file_->read(position, into, size);
  }
  Status write(std::uint64_t position, std::string_view bytes) override {
    const std::uint64_t operation = begin_write(position, bytes);
    return ended(Kind::kWriteDone, operation, file_->write(position, bytes));
  }
  Status sync() override {
    const std::uint64_t operation = begin_sync();
    return ended(Kind::kSyncDone, operation, file_->sync());
  }
  Status truncate(std::uint64_t size) override {
    return recording_.add_with([&] { return file_->truncate(size); },
                               {.kind = Kind::kTruncate, .file = number_, .path = path_, .size = size});
  }
  Result<std::uint64_t> size() override { return file_->size(); }
  Status prewrite(std::uint64_t size) override {
    recording_.add({.kind = Kind::kZeros, .file = number_, .path = path_, .size = size});
    const std::uint64_t operation = begin_sync();
    return ended(Kind::kSyncDone, operation, file_->prewrite(size));
  }
  void will_read(std::uint64_t position, std::uint64_t size) override { file_->will_read(position, size); }

  void async_write(std::uint64_t position, std::string_view bytes, io::Done done) override {
    const std::uint64_t operation = begin_write(position, bytes);
    file_->async_write(position, bytes, told(Kind::kWriteDone, operation, std::move(done)));
  }
  void async_write_alone(std::uint64_t position, std::string_view bytes, io::Done done) override {
    const std::uint64_t operation = begin_write(position, bytes);
    file_->async_write_alone(position, bytes, told(Kind::kWriteDone, operation, std::move(done)));
  }
  void async_read(std::uint64_t position, char* into, std::size_t size, io::ReadDone done) override {
    file_->async_read(position, into, size, std::move(done));
  }
  void async_sync(io::Done done) override {
    const std::uint64_t operation = begin_sync();
    file_->async_sync(told(Kind::kSyncDone, operation, std::move(done)));
  }

 private:
  std::uint64_t begin_write(std::uint64_t position, std::string_view bytes) {
    const std::uint64_t operation = recording_.next_number();
    recording_.add({.kind = Kind::kWrite,
                    .file = number_,
                    .operation = operation,
                    .path = path_,
                    .position = position,
                    .size = bytes.size(),
                    .direct_sync = direct_sync_,
                    .bytes = std::string(bytes)});
    return operation;
  }
  std::uint64_t begin_sync() {
    const std::uint64_t operation = recording_.next_number();
    recording_.add({.kind = Kind::kSync, .file = number_, .operation = operation, .path = path_});
    return operation;
  }
  Status ended(Kind kind, std::uint64_t operation, Status status) {
    if (status) recording_.add({.kind = kind, .file = number_, .operation = operation, .path = path_});
    return status;
  }
  io::Done told(Kind kind, std::uint64_t operation, io::Done done) {
    return [this, kind, operation, done = std::move(done)](Status status) mutable {
      done(ended(kind, operation, std::move(status)));
    };
  }

  Recording& recording_;
  const std::uint64_t number_;
  const std::string path_;
  const bool direct_sync_;
  const std::unique_ptr<io::File> file_;
};

}  // namespace

const char* name_of(DiskEvent::Kind kind) {
  static constexpr const char* kNames[] = {
      "open",   "write", "end of a write",      "zeros", "sync", "end of a sync", "truncate", "rename",
      "remove", "mkdir", "sync of a directory", "note"};
  return kNames[static_cast<std::size_t>(kind)];
}

template <class Change>
auto RecordingDisk::told(const std::string& path, DiskEvent event, Change change) {
  if (!is_below_root(path)) return change();
  event.path = below_root(path);
  return recording_.add_with(std::move(change), std::move(event));
}

Result<std::unique_ptr<io::File>> RecordingDisk::open(const std::string& path, io::OpenOptions options,
                                                      io::Loop* loop) {
  const std::uint64_t number = recording_.next_number();
  WALRUS_ASSIGN(auto file,
                told(path, {.kind = Kind::kOpen, .file = number}, [&] { return disk_.open(path, options, loop); }));
  if (!is_below_root(path)) return file;
  return std::make_unique<RecordingFile>(recording_, number, below_root(path), options.direct_sync, std::move(file));
}

Status RecordingDisk::make_directories(const std::string& path) {
  return told(path, {.kind = Kind::kMakeDirectories}, [&] { return disk_.make_directories(path); });
}

Status RecordingDisk::rename(const std::string& from, const std::string& to) {
  return told(from, {.kind = Kind::kRename, .to = below_root(to)}, [&] { return disk_.rename(from, to); });
}

Status RecordingDisk::remove(const std::string& path) {
  return told(path, {.kind = Kind::kRemove}, [&] { return disk_.remove(path); });
}

Status RecordingDisk::sync_directory(const std::string& path) {
  return told(path, {.kind = Kind::kSyncDirectory}, [&] { return disk_.sync_directory(path); });
}

Result<std::unique_ptr<io::DirectoryLock>> RecordingDisk::lock(const std::string& path) {
  return told(path, {.kind = Kind::kOpen, .file = recording_.next_number()}, [&] { return disk_.lock(path); });
}

}  // namespace walrus::test
