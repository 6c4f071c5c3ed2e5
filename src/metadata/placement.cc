#include "metadata/placement.h"

#include <algorithm>

namespace walrus::metadata {

std::vector<NodeId> placement_order(const Nodes& nodes, NodeId behind, std::span<const NodeId> avoid) {
  std::vector<NodeId> order;
  for (const auto& [id, node] : nodes) {
    if (node.state == NodeState::kUp) order.push_back(id);
  }
  std::ranges::rotate(order, std::ranges::upper_bound(order, behind));
  std::ranges::stable_partition(order, [&](NodeId node) { return std::ranges::find(avoid, node) == avoid.end(); });
  return order;
}

}  // namespace walrus::metadata
