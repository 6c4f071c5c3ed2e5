#include "metadata/placement.h"

#include <algorithm>
#include <ranges>

namespace walrus::metadata {

std::vector<NodeId> placement_order(const Nodes& nodes, NodeId behind, std::span<const NodeId> avoid) {
  std::vector<NodeId> order;
  for (const bool draining : {false, true}) {
    for (const auto& [id, node] : nodes) {
      if (node.state == NodeState::kUp && node.draining == draining) order.push_back(id);
    }
    if (!order.empty()) break;
  }
  std::ranges::rotate(order, std::ranges::upper_bound(order, behind));
  std::vector<NodeId> avoided;
  std::ranges::copy_if(order, std::back_inserter(avoided),
                       [&](NodeId node) { return std::ranges::find(avoid, node) != avoid.end(); });
  std::erase_if(order, [&](NodeId node) { return std::ranges::find(avoided, node) != avoided.end(); });
  order.insert(order.end(), avoided.begin(), avoided.end());
  return order;
}

std::size_t fewest_replicas(const Nodes& nodes, std::size_t wanted) {
  const auto voters_that = [&](bool drain) {
    return static_cast<std::size_t>(std::ranges::count_if(nodes, [&](const auto& entry) {
      const NodeInfo& node = entry.second;
      return node.voter && node.state != NodeState::kRemoved && node.draining == drain;
    }));
  };
  const std::size_t staying = voters_that(false);
  return std::min(wanted, staying > 0 ? staying : voters_that(true)) / 2 + 1;
}

bool needs(const View& view, const SegmentInfo& segment, NodeId node) {
  if (!segment.has_replica(node)) return false;
  const auto counts = [&](NodeId other) {
    const NodeInfo* info = other == node ? nullptr : view.find_node(other);
    if (info == nullptr) return false;
    if (segment.sealed()) return info->state == NodeState::kUp;
    return info->state != NodeState::kRemoved && view.original(segment, other);
  };
  const auto others = static_cast<std::size_t>(std::ranges::count_if(segment.replicas, counts));
  if (segment.sealed()) return others == 0 && segment.end > segment.base;
  // Of E replicas with an ack quorum of E/2+1 the end is found with E - (E/2+1) + 1 answers.
  const std::size_t replicas = segment.replicas.size();
  return others < replicas - replicas / 2 && view.original(segment, node);
}

std::uint64_t thin_without(const View& view, NodeId node) {
  const auto stays = [&](NodeId id) { return id != node && view.stays(id); };
  const auto staying = static_cast<std::size_t>(std::ranges::count_if(std::views::keys(view.nodes()), stays));
  std::uint64_t thin = 0;
  for (std::size_t i = 0; i < View::kBuckets; ++i) {
    for (const auto& [name, topic] : view.bucket(i).topics) {
      const std::size_t wanted = std::min<std::size_t>(topic->replicas_wanted, staying);
      for (const SegmentInfo& segment : topic->segments) {
        if (!segment.has_replica(node)) continue;
        if (static_cast<std::size_t>(std::ranges::count_if(segment.replicas, stays)) < wanted) ++thin;
      }
    }
  }
  return thin;
}

bool enough_holders(const View& view, const TopicInfo& topic, const SegmentInfo& segment) {
  const auto good = std::ranges::count_if(segment.replicas, [&](NodeId holder) { return view.stays(holder); });
  return static_cast<std::uint64_t>(good) >= topic.replicas_wanted;
}

bool better_placed_anew(const View& view, const TopicInfo& topic) {
  const SegmentInfo& open = topic.last();
  const std::vector<NodeId> order = placement_order(view.nodes(), open.leader);
  if (order.empty()) return false;
  const bool all_drain = view.find_node(order.front())->draining;
  std::size_t sound = 0;
  for (const NodeId replica : open.replicas) {
    const NodeInfo* node = view.find_node(replica);
    if (node == nullptr || node->state == NodeState::kRemoved || !view.original(open, replica)) return true;
    if (node->draining && !all_drain) return true;
    if (node->state == NodeState::kUp) ++sound;
  }
  return sound < std::min<std::size_t>(topic.replicas_wanted, order.size());
}

}  // namespace walrus::metadata
