// The commands of ClusterState about who holds sealed segments.
#include <algorithm>

#include "metadata/cluster_state.h"
#include "metadata/placement.h"

namespace walrus::metadata {

template <class Command>
Result<ClusterState::Holding> ClusterState::find_holding(const Command& command) const {
  const TopicPtr topic = draft_.find_topic(TopicId(command.topic_id()));
  const SegmentInfo* segment = topic ? topic->find(SegmentId(command.segment_id())) : nullptr;
  if (segment == nullptr) return fail(ErrorCode::kNotFound, "no such segment");
  if (!segment->sealed()) return fail(ErrorCode::kConflict, "the segment is not sealed");
  const NodeInfo* node = draft_.find_node(NodeId(command.node_id()));
  if (node == nullptr || node->state == NodeState::kRemoved) return fail(ErrorCode::kNotFound, "no such node");
  if (node->incarnation != command.incarnation()) return fail(ErrorCode::kConflict, "another disk by now");
  return Holding{.topic = topic, .place = segment->id.value() - topic->segments.front().id.value(), .node = node->id};
}

Status ClusterState::add_holder(const AddHolder& command) {
  WALRUS_ASSIGN(const Holding holding, find_holding(command));
  const SegmentInfo& segment = holding.topic->segments[holding.place];
  if (segment.hash != command.hash()) return fail(ErrorCode::kConflict, "the segment was sealed with another content");
  if (segment.has_replica(holding.node)) return {};
  if (command.version() < segment.discarded) return fail(ErrorCode::kConflict, "copies were discarded since");
  const Discard* discard = segment.discard_of(holding.node);
  // The last copy of all is welcome, decided as it was that it goes.
  if (discard != nullptr && !segment.lost()) return fail(ErrorCode::kConflict, "the copy is to be discarded");
  if (segment.lost()) --draft_.lost_segments_;
  auto topic = std::make_shared<TopicInfo>(*holding.topic);
  SegmentInfo& held = topic->segments.change(holding.place);
  held.replicas.push_back(holding.node);
  std::erase_if(held.discards, [&](const Discard& each) { return each.node == holding.node; });
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::drop_holder(const DropHolder& command) {
  WALRUS_ASSIGN(const Holding holding, find_holding(command));
  const SegmentInfo& segment = holding.topic->segments[holding.place];
  if (!segment.has_replica(holding.node)) return {};
  if (segment.replicas.size() == 1) return fail(ErrorCode::kConflict, "it is the last holder");
  auto topic = std::make_shared<TopicInfo>(*holding.topic);
  std::erase(topic->segments.change(holding.place).replicas, holding.node);
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::discard_copy(Version index, const DiscardCopy& command) {
  WALRUS_ASSIGN(const Holding holding, find_holding(command));
  const SegmentInfo& segment = holding.topic->segments[holding.place];
  if (segment.has_replica(holding.node)) return fail(ErrorCode::kConflict, "the node is a holder");
  if (segment.discard_of(holding.node) != nullptr) return {};
  if (!enough_holders(draft_, *holding.topic, segment)) return fail(ErrorCode::kConflict, "too few other copies");
  auto topic = std::make_shared<TopicInfo>(*holding.topic);
  SegmentInfo& changed = topic->segments.change(holding.place);
  changed.discards.push_back({.node = holding.node, .version = index});
  changed.discarded = index;
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::confirm_discard(const ConfirmDiscard& command) {
  WALRUS_ASSIGN(const Holding holding, find_holding(command));
  const Discard* discard = holding.topic->segments[holding.place].discard_of(holding.node);
  if (discard == nullptr || discard->version != command.version()) return {};
  auto topic = std::make_shared<TopicInfo>(*holding.topic);
  std::erase(topic->segments.change(holding.place).discards, *discard);
  put_topic(std::move(topic));
  return {};
}

void ClusterState::strike_off_holders(NodeId node) {
  const auto concerned = [node](const SegmentInfo& segment) {
    return segment.sealed() && (segment.has_replica(node) || segment.discard_of(node) != nullptr);
  };
  std::vector<TopicPtr> topics;
  for (const auto& ids : draft_.ids_) {
    for (const auto& [id, topic] : ids->topics) {
      if (std::ranges::any_of(topic->segments, concerned)) topics.push_back(topic);
    }
  }
  for (const TopicPtr& before : topics) {
    auto topic = std::make_shared<TopicInfo>(*before);
    std::vector<SegmentInfo> segments(topic->segments.begin(), topic->segments.end());
    for (SegmentInfo& segment : segments) {
      if (!concerned(segment)) continue;
      std::erase_if(segment.discards, [node](const Discard& discard) { return discard.node == node; });
      if (std::erase(segment.replicas, node) > 0 && segment.lost()) ++draft_.lost_segments_;
    }
    topic->segments = SegmentList(std::move(segments));
    put_topic(std::move(topic));
  }
}

}  // namespace walrus::metadata
