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

}  // namespace

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
