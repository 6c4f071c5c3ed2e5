// What should be changed in the metadata, given what it says and who is alive. Pure: a function of its arguments.
#pragma once

#include <vector>

#include "controller/liveness.h"
#include "metadata.pb.h"
#include "metadata/view.h"

namespace walrus::controller {

/// Commands that bring the node table in line with who is alive. `self`, the Raft leader that plans, counts as alive.
/// Draining and removed nodes are left as they are.
std::vector<metadata::Command> plan_node_states(const metadata::View& view, const Liveness& liveness, NodeId self,
                                                io::TimePoint now);

}  // namespace walrus::controller
