// Counts of one workload, each in a process of its own: allocations alone, instructions under callgrind, system calls
// under ptrace. None of them depends on how busy the machine is.
#pragma once

#include <filesystem>

#include "tests/budget/budget_file.h"
#include "tests/budget/workload.h"

namespace walrus::budget {

struct CountOptions {
  std::filesystem::path directory;      ///< on a disk; folders are made in it and removed
  bool instructions = true;             ///< needs valgrind, and takes the most time
  std::filesystem::path callgrind_out;  ///< where its file stays for callgrind_annotate; empty: it is removed
};

/// Throws std::runtime_error when a process does not do what it should.
Costs count(const Workload& workload, const CountOptions& options);

/// In the processes that count() starts: runs and prints what it counted.
int serve_and_print(const Workload& workload, std::uint64_t turns, const std::filesystem::path& directory);

/// Whether callgrind can be run here.
bool have_valgrind();

}  // namespace walrus::budget
