#include "controller/planner.h"

#include "metadata/uuid_bytes.h"

namespace walrus::controller {

namespace {

metadata::Command set_state(const metadata::NodeInfo& node, metadata::NodeState state) {
  metadata::Command command;
  metadata::SetNodeState& change = *command.mutable_set_node_state();
  change.set_node_id(node.id.value());
  change.set_disk_id(metadata::uuid_bytes(node.disk_id));
  change.set_state(static_cast<std::uint32_t>(state));
  return command;
}

/// The node is up, with the disk that it had when the segment opened.
bool can_work(const metadata::View& view, const metadata::SegmentInfo& segment, NodeId node) {
  const metadata::NodeInfo* info = view.find_node(node);
  return info != nullptr && info->state == metadata::NodeState::kUp && view.original(segment, node);
}

/// Nobody works on it: open with a leader that cannot, or being sealed by a recoverer that cannot.
bool is_stuck(const metadata::View& view, const metadata::SegmentInfo& segment) {
  switch (segment.state) {
    case metadata::SegmentState::kOpen:
      return !can_work(view, segment, segment.leader);
    case metadata::SegmentState::kSealing:
      return !can_work(view, segment, segment.recoverer);
    case metadata::SegmentState::kSealed:
      break;
  }
  return false;
}

metadata::Command begin_seal(const metadata::TopicInfo& topic, NodeId recoverer) {
  metadata::Command command;
  metadata::BeginSeal& begin = *command.mutable_begin_seal();
  begin.set_topic_id(topic.id.value());
  begin.set_segment_id(topic.last().id.value());
  begin.set_epoch(topic.last().epoch.value());
  begin.set_expected_seal_epoch(topic.last().seal_epoch.value());
  begin.set_recoverer(recoverer.value());
  return command;
}

}  // namespace

std::optional<NodeId> choose_recoverer(const metadata::View& view, const metadata::SegmentInfo& segment) {
  for (const NodeId replica : segment.replicas) {
    if (replica != segment.leader && replica != segment.recoverer && can_work(view, segment, replica)) return replica;
  }
  // Better the leader, which must ask the others like anybody, than nobody.
  const bool leader_is_new = segment.state == metadata::SegmentState::kSealing && segment.leader != segment.recoverer;
  if (leader_is_new && can_work(view, segment, segment.leader)) return segment.leader;
  return std::nullopt;
}

std::vector<metadata::Command> plan_seals(const metadata::View& view, std::size_t most) {
  std::vector<metadata::Command> commands;
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view.bucket(i).topics) {
      if (commands.size() >= most) return commands;
      if (topic->last().replicas.size() < 2 || !is_stuck(view, topic->last())) continue;
      if (const auto recoverer = choose_recoverer(view, topic->last())) {
        commands.push_back(begin_seal(*topic, *recoverer));
      }
    }
  }
  return commands;
}

std::vector<metadata::Command> plan_node_states(const metadata::View& view, const Liveness& liveness, NodeId self,
                                                io::TimePoint now) {
  std::vector<metadata::Command> commands;
  for (const auto& [id, node] : view.nodes()) {
    const bool alive = id == self || liveness.alive(id, now);
    if (node.state == metadata::NodeState::kUp && id != self && liveness.lost(id, now)) {
      commands.push_back(set_state(node, metadata::NodeState::kDown));
    } else if (node.state == metadata::NodeState::kDown && alive) {
      commands.push_back(set_state(node, metadata::NodeState::kUp));
    }
  }
  return commands;
}

}  // namespace walrus::controller
