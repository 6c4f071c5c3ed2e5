#include "tests/chaos/disk_filler.h"

#include <sys/mount.h>

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <system_error>
#include <unistd.h>

#include "tests/harness/process.h"

namespace walrus::chaos {

bool enter_mount_namespace() {
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0) return false;
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

std::string mount_small_disk(const std::filesystem::path& directory, std::uint64_t bytes) {
  std::filesystem::create_directories(directory);
  const std::string image = directory.string() + ".image";
  const int file = ::open(image.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes)) != 0) return "no image can be made at " + image;
  ::close(file);
  const auto made = test::run({"/sbin/mkfs.ext4", "-q", "-m", "0", image});
  if (made.ended.code != 0) return "mkfs.ext4: " + made.errors;
  const auto mounted = test::run({"/bin/mount", "-o", "loop", image, directory.string()});
  if (mounted.ended.code != 0) return "mount: " + mounted.errors;
  return {};
}

void unmount(const std::filesystem::path& directory) {
  [[maybe_unused]] const auto done = test::run({"/bin/umount", directory.string()});
}

void fill_up(const std::filesystem::path& ballast) {
  const int file = ::open(ballast.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (file < 0) return;
  off_t size = 0;
  for (off_t step = 64 * 1024 * 1024; step >= 4096;) {
    if (::fallocate(file, 0, size, step) == 0) {
      size += step;
    } else {
      step /= 2;
    }
  }
  ::close(file);
}

}  // namespace walrus::chaos
