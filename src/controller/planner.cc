#include "controller/planner.h"

#include "metadata/sealing.h"
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

/// Nobody works on it: open with a leader that cannot, or being sealed by a recoverer that cannot.
bool is_stuck(const metadata::View& view, const metadata::SegmentInfo& segment) {
  switch (segment.state) {
    case metadata::SegmentState::kOpen:
      return !metadata::can_work_on(view, segment, segment.leader);
    case metadata::SegmentState::kSealing:
      return !metadata::can_work_on(view, segment, segment.recoverer);
    case metadata::SegmentState::kSealed:
      break;
  }
  return false;
}

}  // namespace

std::vector<metadata::Command> plan_seals(const metadata::View& view, std::size_t most) {
  std::vector<metadata::Command> commands;
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view.bucket(i).topics) {
      if (commands.size() >= most) return commands;
      if (topic->last().replicas.size() < 2 || !is_stuck(view, topic->last())) continue;
      if (const auto recoverer = metadata::choose_recoverer(view, topic->last())) {
        commands.push_back(metadata::begin_seal(*topic, *recoverer));
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
