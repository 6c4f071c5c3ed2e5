#include "metadata/membership.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/limits.h"
#include "tests/unit/metadata/test_seed.h"

namespace walrus::metadata {
namespace {

using Kind = MembershipStep::Kind;

NodeInfo node(std::uint64_t id, NodeState state = NodeState::kUp, std::uint64_t disk = 0) {
  NodeInfo info;
  info.id = NodeId(id);
  info.raft_id = RaftId(100 + (disk == 0 ? id : disk));
  info.peer_address = "h:" + std::to_string(id);
  info.state = state;
  return info;
}
std::map<NodeId, NodeInfo> table(const std::vector<NodeInfo>& nodes) {
  std::map<NodeId, NodeInfo> all;
  for (const NodeInfo& info : nodes) all[info.id] = info;
  return all;
}
Member voter(std::uint64_t id) { return {RaftId(100 + id), NodeId(id), "", MemberRole::kVoter}; }
Member standby(std::uint64_t id) { return {RaftId(100 + id), NodeId(id), "", MemberRole::kStandby}; }
bool always(RaftId) { return true; }
bool never(RaftId) { return false; }

TEST(Membership, a_new_node_becomes_a_standby_first_and_a_voter_once_it_has_caught_up) {
  const auto nodes = table({node(1), node(2)});
  const auto first = next_membership_step({voter(1)}, nodes, RaftId(101), never);
  ASSERT_EQ(first.kind, Kind::kChange);
  ASSERT_EQ(first.members.size(), 2u);
  EXPECT_EQ(first.members[1].role, MemberRole::kStandby);
  EXPECT_EQ(first.members[1].address, "h:2");
  EXPECT_EQ(next_membership_step(first.members, nodes, RaftId(101), never).kind, Kind::kNothing);
  const auto second = next_membership_step(first.members, nodes, RaftId(101), always);
  ASSERT_EQ(second.kind, Kind::kChange);
  EXPECT_EQ(second.members[1].role, MemberRole::kVoter);
  EXPECT_EQ(next_membership_step(second.members, nodes, RaftId(101), always).kind, Kind::kNothing);
}

TEST(Membership, there_are_at_most_five_voters_and_a_standby_takes_the_place_of_one_that_goes) {
  auto nodes = table({node(1), node(2), node(3), node(4), node(5), node(6)});
  const Members members{voter(1), voter(2), voter(3), voter(4), voter(5), standby(6)};
  EXPECT_EQ(next_membership_step(members, nodes, RaftId(101), always).kind, Kind::kNothing);
  nodes.at(NodeId(3)).state = NodeState::kRemoved;
  const auto removal = next_membership_step(members, nodes, RaftId(101), always);
  ASSERT_EQ(removal.kind, Kind::kChange);
  EXPECT_EQ(find_member(removal.members, RaftId(103)), nullptr);
  const auto promotion = next_membership_step(removal.members, nodes, RaftId(101), always);
  ASSERT_EQ(promotion.kind, Kind::kChange);
  EXPECT_EQ(find_member(promotion.members, RaftId(106))->role, MemberRole::kVoter);
}

TEST(Membership, a_leader_that_is_to_go_hands_over_unless_it_is_the_last_voter) {
  const auto nodes = table({node(1, NodeState::kRemoved), node(2)});
  EXPECT_EQ(next_membership_step({voter(1), voter(2)}, nodes, RaftId(101), always).kind, Kind::kHandOver);
  EXPECT_EQ(next_membership_step({voter(1)}, table({node(1, NodeState::kRemoved)}), RaftId(101), always).kind,
            Kind::kNothing);
}

TEST(Membership, a_node_with_a_new_disk_is_another_member) {
  const auto nodes = table({node(1), node(2, NodeState::kUp, 77)});
  const auto step = next_membership_step({voter(1), voter(2)}, nodes, RaftId(101), never);
  ASSERT_EQ(step.kind, Kind::kChange);
  EXPECT_EQ(step.members, Members{voter(1)});
}

TEST(Membership, a_draining_or_down_node_is_not_made_a_voter) {
  auto nodes = table({node(1), node(2, NodeState::kDown)});
  EXPECT_EQ(next_membership_step({voter(1), standby(2)}, nodes, RaftId(101), always).kind, Kind::kNothing);
  nodes = table({node(1), node(2)});
  nodes.at(NodeId(2)).draining = true;
  EXPECT_EQ(next_membership_step({voter(1), standby(2)}, nodes, RaftId(101), always).kind, Kind::kNothing);
}

TEST(Membership, any_table_is_reached_by_single_steps_and_every_step_changes_one_member) {
  const std::uint64_t seed = test::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    Members members{voter(1)};
    RaftId leader(101);
    for (int change = 0; change < 10; ++change) {
      std::vector<NodeInfo> nodes;
      for (std::uint64_t id = 1; id <= 8; ++id) {
        if (random() % 2 == 0) nodes.push_back(node(id, random() % 4 == 0 ? NodeState::kRemoved : NodeState::kUp));
      }
      const auto all = table(nodes);
      int steps = 0;
      for (; steps < 100; ++steps) {
        const auto step = next_membership_step(members, all, leader, always);
        if (step.kind == Kind::kNothing) break;
        if (step.kind == Kind::kHandOver) {
          const auto other = std::ranges::find_if(members, [&](const Member& member) {
            return member.role == MemberRole::kVoter && member.raft_id != leader;
          });
          ASSERT_NE(other, members.end());
          leader = other->raft_id;
          continue;
        }
        std::size_t different = 0;
        for (const Member& after : step.members) {
          const Member* before = find_member(members, after.raft_id);
          different += before == nullptr || *before != after;
        }
        for (const Member& before : members) different += find_member(step.members, before.raft_id) == nullptr;
        ASSERT_EQ(different, 1u);
        members = step.members;
        const Member* leading = find_member(members, leader);
        ASSERT_TRUE(leading != nullptr && leading->role == MemberRole::kVoter);
      }
      ASSERT_LT(steps, 100) << "the steps do not end";
      ASSERT_LE(count_voters(members), limits::kMaxVoters);
    }
  }
}

}  // namespace
}  // namespace walrus::metadata
