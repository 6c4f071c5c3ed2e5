// How much memory a process has in use, as the kernel counts it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>

namespace walrus::test {

inline constexpr std::size_t kMiB = 1024 * 1024;

/// VmRSS in bytes.
inline std::size_t resident_bytes(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string word; status >> word;) {
    std::size_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib * 1024;
  }
  throw std::runtime_error("process " + std::to_string(process) + " is gone");
}

}  // namespace walrus::test
