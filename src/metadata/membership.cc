#include "metadata/membership.h"

#include <algorithm>

#include "base/limits.h"

namespace walrus::metadata {
namespace {

using Kind = MembershipStep::Kind;

bool belongs(const Member& member, const std::map<NodeId, NodeInfo>& nodes) {
  const auto node = nodes.find(member.node_id);
  if (node == nodes.end()) return true;  // its UpsertNode is not applied yet
  return node->second.raft_id == member.raft_id && node->second.state != NodeState::kRemoved;
}

std::optional<MembershipStep> removal(const Members& members, const std::map<NodeId, NodeInfo>& nodes, RaftId leader) {
  const auto gone = std::ranges::find_if(members, [&](const Member& member) { return !belongs(member, nodes); });
  if (gone == members.end()) return std::nullopt;
  if (gone->raft_id == leader) {
    // The last voter cannot go: there would be nobody to agree on it.
    return MembershipStep{count_voters(members) > 1 ? Kind::kHandOver : Kind::kNothing, {}};
  }
  MembershipStep step{Kind::kChange, members};
  step.members.erase(step.members.begin() + (gone - members.begin()));
  return step;
}

std::optional<MembershipStep> addition(const Members& members, const std::map<NodeId, NodeInfo>& nodes) {
  if (members.size() >= limits::kMaxNodes) return std::nullopt;
  for (const auto& [id, node] : nodes) {
    if (node.state == NodeState::kRemoved || find_member(members, node.raft_id) != nullptr) continue;
    MembershipStep step{Kind::kChange, members};
    step.members.push_back({node.raft_id, id, node.peer_address, MemberRole::kStandby});
    return step;
  }
  return std::nullopt;
}

std::optional<MembershipStep> promotion(const Members& members, const std::map<NodeId, NodeInfo>& nodes,
                                        const std::function<bool(RaftId)>& caught_up) {
  if (count_voters(members) >= limits::kMaxVoters) return std::nullopt;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    const auto node = nodes.find(member.node_id);
    if (member.role == MemberRole::kVoter || node == nodes.end()) continue;
    if (!node->second.stays()) continue;
    if (!caught_up(member.raft_id)) continue;
    MembershipStep step{Kind::kChange, members};
    step.members[i].role = MemberRole::kVoter;
    return step;
  }
  return std::nullopt;
}

}  // namespace

MembershipStep next_membership_step(const Members& members, const std::map<NodeId, NodeInfo>& nodes, RaftId leader,
                                    const std::function<bool(RaftId)>& caught_up) {
  // A voter that is to go may be one that does not answer: another takes its place first when one is ready.
  if (auto step = promotion(members, nodes, caught_up)) return *step;
  if (auto step = removal(members, nodes, leader)) return *step;
  if (auto step = addition(members, nodes)) return *step;
  return {};
}

std::optional<std::size_t> most_replicas_while_growing(const std::map<NodeId, NodeInfo>& nodes) {
  std::size_t voters = 0;
  std::size_t waiting = 0;
  for (const auto& [id, node] : nodes) {
    if (node.voter) {
      ++voters;
    } else if (node.stays()) {
      ++waiting;
    }
  }
  if (waiting == 0 || voters >= limits::kMaxVoters) return std::nullopt;
  return voters;
}

}  // namespace walrus::metadata
