// The commands of ClusterState about nodes: who is there, with which disk, and what it means for what they held.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "metadata/cluster_state.h"
#include "metadata/placement.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {

Status ClusterState::check_identity(const UpsertNode& command) const {
  const Uuid disk = uuid_from_bytes(command.disk_id());
  if (command.node_id() == 0 || command.raft_id() == 0 || disk.is_nil()) {
    return fail(ErrorCode::kInvalidArgument, "node id, Raft id or disk id is missing");
  }
  for (const auto& [id, node] : *draft_.nodes_) {
    if (std::ranges::find(node.former_disks, disk) != node.former_disks.end()) {
      return fail(ErrorCode::kIdentityRefused, fmt::format("node {} has another disk now, for good", id));
    }
    const bool same_disk = node.disk_id == disk;
    const bool same_raft = node.raft_id == RaftId(command.raft_id());
    if (id != NodeId(command.node_id())) {
      if (same_disk || same_raft) {
        return fail(ErrorCode::kIdentityRefused, fmt::format("this disk belongs to node {}", id));
      }
    } else if (same_disk != same_raft) {
      return fail(ErrorCode::kIdentityRefused, fmt::format("node {}: disk id and Raft id do not belong together", id));
    } else if (node.state == NodeState::kRemoved && same_disk) {
      return fail(ErrorCode::kIdentityRefused, fmt::format("node {} was removed with this disk", id));
    } else if (node.state == NodeState::kUp && !same_disk) {
      return fail(ErrorCode::kConflict, fmt::format("node {} is up with another disk", id));
    }
  }
  return {};
}

Status ClusterState::upsert_node(Version index, const UpsertNode& command) {
  WALRUS_TRY(check_identity(command));
  const NodeId id(command.node_id());
  const Uuid disk = uuid_from_bytes(command.disk_id());
  const NodeInfo* known = draft_.find_node(id);
  NodeInfo node;
  if (known != nullptr && known->disk_id == disk) {
    node = *known;
  } else {
    node.incarnation = index;
    if (known != nullptr) {
      node.former_disks = known->former_disks;
      node.former_disks.push_back(known->disk_id);
      strike_off_holders(id);
      forget_deletions_of(id);
    }
  }
  node.id = id;
  node.disk_id = disk;
  node.raft_id = RaftId(command.raft_id());
  node.peer_address = command.peer_address();
  node.client_address = command.client_address();
  show_membership(node);
  nodes_for_writing()[id] = std::move(node);
  return {};
}

Status ClusterState::set_node_state(const SetNodeState& command) {
  const NodeInfo* node = draft_.find_node(NodeId(command.node_id()));
  if (node == nullptr) return fail(ErrorCode::kNotFound, "no such node");
  if (node->disk_id != uuid_from_bytes(command.disk_id())) return fail(ErrorCode::kConflict, "another disk by now");
  const auto state = static_cast<NodeState>(command.state());
  if (state != NodeState::kUp && state != NodeState::kDown && state != NodeState::kRemoved) {
    return fail(ErrorCode::kInvalidArgument, "node state");
  }
  if (node->state == state) return {};
  if (node->state == NodeState::kRemoved) return fail(ErrorCode::kRefused, "the node was removed");
  if (state == NodeState::kRemoved) {
    if (!command.lose_data()) WALRUS_TRY(check_dispensable(node->id));
    strike_off_holders(node->id);
    forget_deletions_of(node->id);
  }
  nodes_for_writing().at(node->id).state = state;
  return {};
}

Status ClusterState::set_draining(const SetDraining& command) {
  const NodeInfo* node = draft_.find_node(NodeId(command.node_id()));
  if (node == nullptr) return fail(ErrorCode::kNotFound, "no such node");
  if (node->disk_id != uuid_from_bytes(command.disk_id())) return fail(ErrorCode::kConflict, "another disk by now");
  if (node->state == NodeState::kRemoved) return fail(ErrorCode::kRefused, "the node was removed");
  if (node->draining == command.draining()) return {};
  const bool another = std::ranges::any_of(
      *draft_.nodes_, [&](const auto& entry) { return entry.first != node->id && entry.second.stays(); });
  if (command.draining() && !another) return fail(ErrorCode::kRefused, "no other node is up that could take over");
  nodes_for_writing().at(node->id).draining = command.draining();
  return {};
}

Status ClusterState::check_dispensable(NodeId node) const {
  std::size_t voters = 0;
  std::size_t up = 0;
  for (const auto& [id, info] : *draft_.nodes_) {
    if (id == node || !info.voter || info.state == NodeState::kRemoved) continue;
    ++voters;
    up += info.state == NodeState::kUp ? 1 : 0;
  }
  if (voters > 0 && up < voters / 2 + 1) {
    return fail(
        ErrorCode::kRefused,
        fmt::format("without node {} {} of {} voters would be up, which is no majority: bring others back first", node,
                    up, voters));
  }
  std::uint64_t needed = 0;
  std::string first;
  for (const auto& ids : draft_.ids_) {
    for (const auto& [id, topic] : ids->topics) {
      for (const SegmentInfo& segment : topic->segments) {
        if (!needs(draft_, segment, node)) continue;
        // The smallest name, as the order of a hash table must not show.
        if (needed++ == 0 || topic->name < first) first = topic->name;
      }
    }
  }
  if (needed == 0) return {};
  return fail(ErrorCode::kRefused,
              fmt::format("node {} is still needed for {} segments, one of them of topic {}: drain it first, and wait "
                          "until it holds nothing",
                          node, needed, first));
}

}  // namespace walrus::metadata
