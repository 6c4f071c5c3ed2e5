// Measures what a writer notices when the node that leads the open segment is lost: one trial takes that node away
// under load (killed, killed with its disk wiped, or frozen), and tells how long writers on the other nodes waited at
// most for an OK.
//
// All trials go on in one topic of one cluster, each on the replicas that the one before has left; the next one waits
// until the open segment has all its replicas again. At the end every replica is judged by the checker. Main thread;
// throws as the harness does.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace walrus::chaos {

enum class Loss { kKill, kWipe, kFreeze };

struct TrialOptions {
  Loss loss = Loss::kKill;
  std::size_t trials = 50;
  std::size_t nodes = 3;
  std::size_t writers = 16;  ///< on the nodes that stay, one PUT at a time each
  std::uint64_t segment_entries = 20'000;
  std::chrono::seconds away{3};  ///< how long the node stays away at least
  bool verbose = false;
  std::filesystem::path folder;
};

struct Trial {
  double longest_pause = 0;  ///< seconds without an OK, of the writer that waited longest
  double second_pause = 0;   ///< the longest of all pauses but the first long one of each writer
  std::size_t unknown = 0;   ///< PUTs of these writers that were not acknowledged
  std::size_t refused = 0;
};

struct TrialReport {
  std::vector<Trial> trials;
  std::uint64_t acknowledged = 0;
  std::vector<std::string> violations;
};

TrialReport run_trials(const TrialOptions& options);

}  // namespace walrus::chaos
