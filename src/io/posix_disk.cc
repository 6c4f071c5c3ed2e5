#include "io/posix_disk.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "io/posix_file.h"
#include "io/system_error.h"
#include "io/uring.h"

namespace walrus::io {
namespace {

constexpr std::size_t kFallbackThreads = 4;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

int open_retrying(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

int flags_of(OpenOptions::Mode mode) {
  switch (mode) {
    case OpenOptions::Mode::kRead:
      return O_RDONLY;
    case OpenOptions::Mode::kReadWrite:
      return O_RDWR;
    case OpenOptions::Mode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenOptions::Mode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

class FlockedFile final : public DirectoryLock {
 public:
  explicit FlockedFile(int fd) : fd_(fd) {}
  ~FlockedFile() override { close(fd_); }
  FlockedFile(const FlockedFile&) = delete;
  FlockedFile& operator=(const FlockedFile&) = delete;

 private:
  const int fd_;
};

}  // namespace

bool PosixDisk::uses_io_uring() const {
  const std::lock_guard lock(mutex_);
  return options_.use_io_uring && !uring_refused_;
}

FileQueue& PosixDisk::queue_for(Loop& loop) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<FileQueue>& queue = queues_[&loop];
  if (queue) return *queue;
  auto* asio_loop = dynamic_cast<AsioLoop*>(&loop);
  if (options_.use_io_uring && !uring_refused_ && asio_loop != nullptr) {
    auto uring = Uring::open(*asio_loop);
    if (uring) return *(queue = std::move(*uring));
    uring_refused_ = true;
    log::warn("files are written by threads: {}", uring.error().message());
  }
  if (!threads_) threads_ = std::make_unique<DiskThreads>(kFallbackThreads);
  return *(queue = threads_->queue_for(loop));
}

Result<std::unique_ptr<File>> PosixDisk::open(const std::string& path, OpenOptions options, Loop* loop) {
  const int flags = flags_of(options.mode);
  const int sync = options.direct_sync ? O_DSYNC : 0;
  bool direct = options.aligned() && options_.use_direct_io;
  int fd = -1;
  if (direct) {
    fd = open_retrying(path, flags | O_DIRECT | sync);
    // Some filesystems refuse O_DIRECT only after they have created the file: ours then, even under O_EXCL.
    if (fd < 0 && errno == EINVAL) {
      direct = false;
      fd = open_retrying(path, (flags & ~O_EXCL) | sync);
    }
  } else {
    fd = open_retrying(path, flags | sync);
  }
  if (fd < 0) return fail(system_error(errno, "open", path));
  return std::make_unique<PosixFile>(fd, direct, path, loop != nullptr ? &queue_for(*loop) : nullptr);
}

/// The last one first: mostly that is all there is to do, however deep it lies.
Status PosixDisk::make_directories(const std::string& path) {
  if (mkdir(path.c_str(), kDirectoryMode) == 0) return {};
  const std::size_t parent = path.rfind('/');
  if (errno == ENOENT && parent != std::string::npos && parent > 0) {
    WALRUS_TRY(make_directories(path.substr(0, parent)));
    if (mkdir(path.c_str(), kDirectoryMode) == 0) return {};
  }
  if (errno != EEXIST) return fail(system_error(errno, "create directory", path));
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return fail(system_error(errno, "stat", path));
  if (!S_ISDIR(status.st_mode)) return fail(ErrorCode::kExists, path + " is not a directory");
  return {};
}

Status PosixDisk::rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return fail(system_error(errno, "rename", from + " to " + to));
  return {};
}

Status PosixDisk::remove(const std::string& path) {
  if (std::remove(path.c_str()) != 0) return fail(system_error(errno, "remove", path));
  return {};
}

Result<std::vector<std::string>> PosixDisk::list(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), &closedir);
  if (!directory) return fail(system_error(errno, "list", path));
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr && errno != 0) return fail(system_error(errno, "list", path));
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

Result<bool> PosixDisk::exists(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return fail(system_error(errno, "stat", path));
}

Status PosixDisk::sync_directory(const std::string& path) {
  const int fd = open_retrying(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return fail(system_error(errno, "open directory", path));
  int error = 0;
  do {
    error = fsync(fd) == 0 ? 0 : errno;
  } while (error == EINTR);
  close(fd);
  if (error != 0) return fail(system_error(error, "sync directory", path));
  return {};
}

Result<std::uint64_t> PosixDisk::free_bytes(const std::string& path) {
  struct statvfs status{};
  if (statvfs(path.c_str(), &status) != 0) return fail(system_error(errno, "statvfs", path));
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

Result<std::unique_ptr<DirectoryLock>> PosixDisk::lock(const std::string& path) {
  const int fd = open_retrying(path, O_RDWR | O_CREAT);
  if (fd < 0) return fail(system_error(errno, "open", path));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(fd);
    if (error == EWOULDBLOCK) return fail(ErrorCode::kLocked, path);
    return fail(system_error(error, "lock", path));
  }
  return std::make_unique<FlockedFile>(fd);
}

}  // namespace walrus::io
