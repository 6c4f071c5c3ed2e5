// Which nodes a segment is to lie on. Pure functions of the node table, so that every node that applies a command
// comes to the same answer.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "metadata/view.h"

namespace walrus::metadata {

using Nodes = std::map<NodeId, NodeInfo>;

/// The nodes that a new segment may be given to, best first: those that are up, in the order of their ids, beginning
/// behind `behind` and going round to it. The nodes in `avoid` come last: they are taken only when the others are too
/// few.
std::vector<NodeId> placement_order(const Nodes& nodes, NodeId behind, std::span<const NodeId> avoid = {});

}  // namespace walrus::metadata
