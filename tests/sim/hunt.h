// The hunt for planted bugs (base/planted_bug.h): simulated runs, one seed after the other, until one is red. A bug
// that is not found is a hole in the simulator.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/chaos.h"

namespace walrus::sim {

/// False when this program contains no planted bugs.
bool plant(const std::string& name);

/// Hunts the bug of this name ("all": one after the other) with seeds from `base.seed` on. Prints what found each. The
/// number of bugs that no seed found.
std::size_t hunt(const std::string& name, std::uint64_t seeds, const ChaosOptions& base);

}  // namespace walrus::sim
