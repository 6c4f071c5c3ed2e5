#include "metadata/placement.h"

#include <algorithm>

namespace walrus::metadata {

std::vector<NodeId> placement_order(const Nodes& nodes, NodeId behind, std::span<const NodeId> avoid) {
  std::vector<NodeId> order;
  for (const auto& [id, node] : nodes) {
    if (node.state == NodeState::kUp) order.push_back(id);
  }
  std::ranges::rotate(order, std::ranges::upper_bound(order, behind));
  std::vector<NodeId> avoided;
  std::ranges::copy_if(order, std::back_inserter(avoided),
                       [&](NodeId node) { return std::ranges::find(avoid, node) != avoid.end(); });
  std::erase_if(order, [&](NodeId node) { return std::ranges::find(avoided, node) != avoided.end(); });
  order.insert(order.end(), avoided.begin(), avoided.end());
  return order;
}

}  // namespace walrus::metadata
