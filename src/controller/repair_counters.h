// What repair and scrubbing have done on this node, for its metrics. Shared by all shards; any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace walrus::controller {

struct RepairCounters {
  std::atomic<std::uint64_t> copies_made{0};
  std::atomic<std::uint64_t> copies_failed{0};  ///< tried again later
  std::atomic<std::uint64_t> copied_bytes{0};
  std::atomic<std::uint64_t> scrubbed_segments{0};
  std::atomic<std::uint64_t> scrubbed_bytes{0};
  std::atomic<std::uint64_t> damage_found{0};  ///< copies here that were not what they should be
  std::atomic<std::uint64_t> healed{0};        ///< of which replaced by a good one here
};

}  // namespace walrus::controller
