// One simulated run: a cluster is formed, clients work, faults happen at random, everything is healed, and what the
// clients know is held against what the cluster has.
#pragma once

#include <cstdint>
#include <string>

#include "io/loop.h"

namespace walrus::sim {

struct ChaosOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  io::Duration duration = std::chrono::seconds(30);  ///< of faults, virtual
  bool verbose = false;
};

struct ChaosReport {
  std::string wrong;  ///< empty: nothing
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown = 0;
  std::uint64_t refused = 0;
  std::uint64_t delivered = 0;
  std::uint64_t faults = 0;
  std::uint64_t tasks = 0;
  std::uint64_t fingerprint = 0;  ///< equal for equal runs
  io::Duration virtual_time{0};
};

ChaosReport run_chaos(const ChaosOptions& options);

}  // namespace walrus::sim
