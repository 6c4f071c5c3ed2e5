#include "controller/repair_plan.h"

#include <algorithm>

#include "metadata/placement.h"

namespace walrus::controller {

namespace {

template <class Change>
void address(Change& change, const metadata::View& view, const metadata::TopicInfo& topic,
             const metadata::SegmentInfo& segment, NodeId node) {
  const metadata::NodeInfo* info = view.find_node(node);
  change.set_topic_id(topic.id.value());
  change.set_segment_id(segment.id.value());
  change.set_node_id(node.value());
  change.set_incarnation(info != nullptr ? info->incarnation : 0);
}

}  // namespace

RepairPlan plan_repair(const metadata::View& view, const metadata::TopicInfo& topic,
                       const metadata::SegmentInfo& segment, const Absence& absence) {
  RepairPlan plan;
  std::size_t counted = 0;  // holders that are not gone
  std::size_t up = 0;       // of which up
  std::optional<NodeId> gone;
  std::optional<NodeId> last_up;
  for (const NodeId holder : segment.replicas) {
    const bool holder_up = view.is_up(holder);
    if (absence.gone(holder)) {
      gone = holder;
    } else {
      ++counted;
      if (holder_up) {
        ++up;
        last_up = holder;
      }
    }
    if (holder_up) plan.sources.push_back(holder);
  }
  const std::size_t wanted = std::min<std::size_t>(topic.replicas_wanted, std::max<std::size_t>(1, absence.present()));
  if (counted < wanted) {
    plan.missing = wanted - counted;
    for (const NodeId node : metadata::placement_order(view.nodes(), segment.leader)) {
      if (!segment.has_replica(node) && !absence.gone(node)) plan.candidates.push_back(node);
    }
  }
  if (up >= wanted && gone) {
    plan.surplus = gone;
  } else if (up > topic.replicas_wanted) {
    plan.surplus = last_up;
  }
  return plan;
}

metadata::Command add_holder(const metadata::View& view, const metadata::TopicInfo& topic,
                             const metadata::SegmentInfo& segment, NodeId node) {
  metadata::Command command;
  address(*command.mutable_add_holder(), view, topic, segment, node);
  command.mutable_add_holder()->set_hash(segment.hash);
  command.mutable_add_holder()->set_version(view.version());
  return command;
}

metadata::Command drop_holder(const metadata::View& view, const metadata::TopicInfo& topic,
                              const metadata::SegmentInfo& segment, NodeId node) {
  metadata::Command command;
  address(*command.mutable_drop_holder(), view, topic, segment, node);
  return command;
}

metadata::Command discard_copy(const metadata::View& view, const metadata::TopicInfo& topic,
                               const metadata::SegmentInfo& segment, NodeId node) {
  metadata::Command command;
  address(*command.mutable_discard_copy(), view, topic, segment, node);
  return command;
}

metadata::Command confirm_discard(const metadata::View& view, const metadata::TopicInfo& topic,
                                  const metadata::SegmentInfo& segment, NodeId node) {
  metadata::Command command;
  address(*command.mutable_confirm_discard(), view, topic, segment, node);
  const metadata::Discard* discard = segment.discard_of(node);
  command.mutable_confirm_discard()->set_version(discard != nullptr ? discard->version : 0);
  return command;
}

}  // namespace walrus::controller
