// The stories that replication must survive, by their names in docs/INVARIANTS.md: F1 to F24. Each runs on a cluster of
// its own under a load of clients, from a seed that decides all timing; afterwards everything is healed, and the log is
// held against what the clients know.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace walrus::sim {

class Story;

struct Scenario {
  std::string_view name;  ///< "F1"
  std::string_view what;
  std::size_t nodes;
  void (*tell)(Story&);
  std::uint32_t replicas = 3;
};

std::span<const Scenario> scenarios();

/// What went wrong, with the invariant's name; empty when nothing did.
std::string run_scenario(const Scenario& scenario, std::uint64_t seed);

}  // namespace walrus::sim
