// System calls of a program that is run for it, counted by number with ptrace, which needs no privilege for one's own
// child. The program says which of its calls count: between count_syscalls(true) and count_syscalls(false), on whatever
// thread of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace walrus::budget {

/// For the program that is watched; does nothing in one that is not.
void count_syscalls(bool on);

struct Traced {
  int status = 0;                         ///< exit status; 128 + signal
  std::map<long, std::uint64_t> calls{};  ///< by number
  std::string output{};                   ///< what it wrote on stdout
};

/// Runs a program to its end. Throws std::runtime_error when the machine refuses.
Traced trace(const std::vector<std::string>& arguments);

}  // namespace walrus::budget
