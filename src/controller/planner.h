// What should be changed in the metadata, given what it says and who is alive. Pure: a function of its arguments.
#pragma once

#include <optional>
#include <vector>

#include "controller/liveness.h"
#include "metadata.pb.h"
#include "metadata/view.h"

namespace walrus::controller {

/// Commands that bring the node table in line with who is alive. `self`, the Raft leader that plans, counts as alive.
/// Removed nodes are left as they are.
std::vector<metadata::Command> plan_node_states(const metadata::View& view, const Liveness& liveness, NodeId self,
                                                io::TimePoint now);

/// Commands that get segments going whose leader, or whose recoverer, is down or has lost the disk that it had: a
/// replica that is up and has its own is to find the end. At most `most` of them. A segment of one replica waits for
/// its node.
std::vector<metadata::Command> plan_seals(const metadata::View& view, std::size_t most);

}  // namespace walrus::controller
