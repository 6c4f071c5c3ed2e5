// Makes the list of faults of a red run shorter: leaves out as many as it can so that the run stays red.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "tests/sim/fault_plan.h"

namespace walrus::sim {

/// `red` runs with a list and tells whether something is wrong; it is asked at most `runs` times. Delta debugging:
/// halves first, then smaller and smaller parts, until no single fault can be left out or the runs are used up.
std::vector<Fault> shrink(std::vector<Fault> faults, std::size_t runs,
                          const std::function<bool(const std::vector<Fault>&)>& red);

}  // namespace walrus::sim
