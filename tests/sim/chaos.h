// One simulated run: a cluster is formed, clients work, faults happen as a list says, everything is healed, and what
// the clients know is held against what the cluster has. The invariants are watched all the time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/fault_plan.h"

namespace walrus::sim {

struct ChaosOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 0;                             ///< 0: 3 to 7, as the seed says
  io::Duration duration = std::chrono::seconds(30);  ///< of faults, virtual
  std::optional<std::vector<Fault>> faults = {};     ///< else those that the seed draws
  bool verbose = false;                              ///< print each fault
  std::string* trace = nullptr;                      ///< gets a line for each message and fault
};

struct ChaosReport {
  std::string wrong;  ///< begins with the invariant's name; empty: nothing
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown = 0;
  std::uint64_t refused = 0;
  std::uint64_t delivered = 0;
  std::uint64_t faults = 0;
  std::uint64_t healed = 0;  ///< rotten copies that were found and made anew
  std::uint64_t tasks = 0;
  std::uint64_t fingerprint = 0;  ///< equal for equal runs
  io::Duration virtual_time{0};
};

std::size_t nodes_of(const ChaosOptions& options);
std::vector<Fault> faults_of(const ChaosOptions& options);
ChaosReport run_chaos(const ChaosOptions& options);

}  // namespace walrus::sim
