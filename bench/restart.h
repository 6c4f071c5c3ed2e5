// How long a store takes to open after kill -9: fills a directory from many threads, kills itself in the middle of the
// writes, and opens the directory again, round after round, each in a process of its own.
//
// Every opening is checked: no damage, and what was acknowledged before the kill must be there (but for the policy
// `never`, which acknowledges what only the killed program knows). The page cache survives a kill, as it
// does when a program crashes; power cuts are the simulated disk's.
//
// Main thread, before any other has been started: it forks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace walrus::bench {

struct RestartPlan {
  std::filesystem::path directory = ".";  ///< the data goes into a fresh one below it, removed at the end
  std::uint64_t bytes = 10'000'000'000;   ///< of records, before the first kill
  std::uint64_t bytes_per_round = 1'000'000'000;
  std::size_t topics = 100;
  std::size_t record_bytes = 1000;
  std::size_t rounds = 5;
  bool synced = true;  ///< Fsync::kAlways; else kNever
};

struct RestartResult {
  struct Opening {
    double seconds = 0;
    std::uint64_t records = 0;  ///< there after it
    std::uint64_t acknowledged = 0;
  };
  std::vector<Opening> openings;
  double fill_seconds = 0;
};

/// kCorrupt when an acknowledged record is missing or damage is reported.
Result<RestartResult> run_restart(const RestartPlan& plan);

std::string restart_table(const RestartPlan& plan, const RestartResult& result);
std::string restart_json(const RestartPlan& plan, const RestartResult& result);

}  // namespace walrus::bench
