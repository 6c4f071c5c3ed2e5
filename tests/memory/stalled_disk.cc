// Preloaded into a walrusd (LD_PRELOAD, WALRUS_DISABLE_IO_URING=1): while the file named by STALLED_DISK_SWITCH exists,
// nothing that is written to a file comes to an end, as on a disk that has stopped answering.
#include <sys/types.h>

#include <cstdlib>
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

namespace {

void wait_for_the_disk() {
  static const char* const file = std::getenv("STALLED_DISK_SWITCH");
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 5'000'000};
  while (file != nullptr && ::access(file, F_OK) == 0) ::nanosleep(&kPause, nullptr);
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] ssize_t pwrite(int fd, const void* bytes, size_t size, off_t position) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  wait_for_the_disk();
  return real(fd, bytes, size, position);
}

[[gnu::visibility("default")]] ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t position) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  wait_for_the_disk();
  return real(fd, bytes, size, position);
}

[[gnu::visibility("default")]] int fdatasync(int fd) {
  static const auto real = next<int (*)(int)>("fdatasync");
  wait_for_the_disk();
  return real(fd);
}

}  // extern "C"
