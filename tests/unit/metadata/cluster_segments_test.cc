// How segments get their replicas, and how a lost leader's segment is sealed.

#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>

#include "base/limits.h"
#include "metadata/cluster_state.h"
#include "metadata/sealing.h"
#include "tests/unit/metadata/segments_fixture.h"

namespace walrus::metadata {
namespace {

class ClusterSegments : public SegmentsFixture {};

TEST_F(ClusterSegments, ReplicasAreTheLeaderAndThoseBehindItInTheRing) {
  EXPECT_EQ(create(3)->last().replicas, ids({1, 2, 3}));
}

TEST_F(ClusterSegments, ReplicasAreCappedByTheNodesThatAreUp) {
  set_state(2, NodeState::kDown);
  set_state(3, NodeState::kDown);
  drain(4);
  EXPECT_EQ(create(3)->last().replicas, ids({1, 5}));
}

TEST_F(ClusterSegments, ARollLeavesOutNodesToAvoidWhenTheOthersAreEnough) {
  create(3);
  ASSERT_TRUE(roll(10, {1, 2}, {3, 4}));
  EXPECT_EQ(topic()->last().replicas, ids({2, 5, 1}));
  set_state(1, NodeState::kDown);
  ASSERT_TRUE(roll(20, {2, 5}, {3}));
  EXPECT_EQ(topic()->last().replicas, ids({4, 5, 2}));
  ASSERT_TRUE(roll(30, {4, 5}, {5, 2})) << "with too few others they are taken, last";
  EXPECT_EQ(topic()->last().replicas, ids({3, 4, 5}));
}

TEST_F(ClusterSegments, ASealWithoutAHolderIsRefused) {
  const Epoch epoch = create(3)->last().epoch;
  EXPECT_EQ(roll(10, {}, {}).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(begin_seal(epoch, 2));
  EXPECT_EQ(complete(topic()->last().seal_epoch, 10, {}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ClusterSegments, ALostLeadersSegmentIsSealedAndTheNextOneOpensElsewhere) {
  const Epoch epoch = create(3)->last().epoch;
  set_state(1, NodeState::kDown);
  ASSERT_TRUE(begin_seal(epoch, 3));
  EXPECT_EQ(topic()->last().state, SegmentState::kSealing);
  EXPECT_EQ(topic()->last().recoverer, NodeId(3));
  const Epoch seal_epoch = topic()->last().seal_epoch;
  EXPECT_GT(seal_epoch, epoch);
  ASSERT_TRUE(complete(seal_epoch, 42, {2, 3}));
  const SegmentInfo& sealed = topic()->segments[0];
  EXPECT_TRUE(sealed.sealed());
  EXPECT_EQ(sealed.end, Offset(42));
  EXPECT_EQ(sealed.hash, 77u);
  EXPECT_EQ(sealed.replicas, ids({2, 3}));
  EXPECT_EQ(topic()->last().leader, NodeId(2));
  EXPECT_EQ(topic()->last().replicas, ids({2, 3, 4}));
  EXPECT_EQ(topic()->last().base, Offset(42));
}

TEST_F(ClusterSegments, OfTwoRecoverersTheLaterOneWins) {
  const Epoch epoch = create(3)->last().epoch;
  ASSERT_TRUE(begin_seal(epoch, 2));
  const Epoch first = topic()->last().seal_epoch;
  EXPECT_EQ(begin_seal(epoch, 3).error().code, ErrorCode::kConflict) << "it does not know of the first one";
  ASSERT_TRUE(begin_seal(epoch, 3, first));
  const Epoch second = topic()->last().seal_epoch;
  EXPECT_EQ(complete(first, 10, {2, 3}).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(complete(second, 11, {2, 3}));
  EXPECT_EQ(complete(second, 12, {2, 3}).error().code, ErrorCode::kConflict) << "one end per segment";
}

TEST_F(ClusterSegments, TheOldLeadersRollLosesAgainstASealThatHasBegun) {
  const Epoch epoch = create(3)->last().epoch;
  ASSERT_TRUE(begin_seal(epoch, 2));
  Command roll;
  roll.mutable_seal_and_open()->set_topic_id(topic()->id.value());
  roll.mutable_seal_and_open()->set_epoch(epoch.value());
  roll.mutable_seal_and_open()->set_end(5);
  EXPECT_EQ(apply(roll).error().code, ErrorCode::kConflict);
}

TEST_F(ClusterSegments, OnlyReplicasRecoverAndHold) {
  const Epoch epoch = create(3)->last().epoch;
  EXPECT_EQ(begin_seal(epoch, 5).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(begin_seal(epoch, 2));
  EXPECT_EQ(complete(topic()->last().seal_epoch, 1, {2, 5}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ClusterSegments, AnEndBeforeWhatReadersHaveSeenIsRefused) {
  const Epoch epoch = create(3)->last().epoch;
  Command commit;
  auto& position = *commit.mutable_commit_cursors()->add_positions();
  position.set_topic_id(topic()->id.value());
  position.set_epoch(epoch.value());
  position.set_offset(9);
  ASSERT_TRUE(apply(commit));
  ASSERT_TRUE(begin_seal(epoch, 2));
  EXPECT_EQ(complete(topic()->last().seal_epoch, 8, {2, 3}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ClusterSegments, AWipedNodeIsNoHolderAnyMoreAndNoOriginalReplicaOfWhatIsOpen) {
  const Epoch first = create(3)->last().epoch;
  ASSERT_TRUE(begin_seal(first, 2));
  ASSERT_TRUE(complete(topic()->last().seal_epoch, 10, {1, 2, 3}));
  EXPECT_EQ(topic()->last().replicas, ids({2, 3, 4}));
  wipe(3);
  EXPECT_EQ(topic()->segments[0].replicas, ids({1, 2}));
  EXPECT_EQ(topic()->last().replicas, ids({2, 3, 4})) << "the quorum's size does not change";
  const ViewPtr view = state_.view();
  EXPECT_TRUE(view->original(topic()->last(), NodeId(2)));
  EXPECT_FALSE(view->original(topic()->last(), NodeId(3)));
  EXPECT_EQ(begin_seal(topic()->last().epoch, 3).error().code, ErrorCode::kInvalidArgument);

  ASSERT_TRUE(begin_seal(topic()->last().epoch, 4));
  ASSERT_TRUE(complete(topic()->last().seal_epoch, 20, {3, 4})) << "what was found on the old disk decided the end";
  EXPECT_EQ(topic()->segments[1].replicas, ids({4})) << "but the old disk is gone";
  EXPECT_EQ(topic()->last().replicas, ids({3, 4, 5}));
  EXPECT_TRUE(state_.view()->original(topic()->last(), NodeId(3))) << "of the next segment it is one like any other";
}

TEST_F(ClusterSegments, ASealWhoseHoldersAllLostTheirDisksIsRefused) {
  const Epoch epoch = create(3)->last().epoch;
  ASSERT_TRUE(begin_seal(epoch, 2));
  wipe(2);
  wipe(3);
  EXPECT_EQ(complete(topic()->last().seal_epoch, 10, {2, 3}).error().code, ErrorCode::kConflict);
}

TEST_F(ClusterSegments, ACopyThatWasMadeOnTheOldDiskDoesNotCount) {
  const Epoch epoch = create(3)->last().epoch;
  ASSERT_TRUE(begin_seal(epoch, 2));
  ASSERT_TRUE(complete(topic()->last().seal_epoch, 10, {2, 3}));
  Command add;
  add.mutable_add_holder()->set_topic_id(topic()->id.value());
  add.mutable_add_holder()->set_segment_id(0);
  add.mutable_add_holder()->set_node_id(4);
  add.mutable_add_holder()->set_hash(77);
  add.mutable_add_holder()->set_incarnation(incarnation(4));
  wipe(4);
  EXPECT_EQ(apply(add).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(change_holder(true, 0, 4)) << "one made on the new disk does";
}

TEST_F(ClusterSegments, WhenTheLastHoldersDiskIsReplacedTheSegmentIsLostAndCounted) {
  const Epoch epoch = create(1)->last().epoch;
  ASSERT_TRUE(begin_seal(epoch, 1));
  ASSERT_TRUE(complete(topic()->last().seal_epoch, 10, {1}));
  EXPECT_EQ(state_.view()->lost_segments(), 0u);
  wipe(1);
  EXPECT_TRUE(topic()->segments[0].lost());
  EXPECT_EQ(topic()->segments[0].end, Offset(10)) << "it stays listed";
  EXPECT_EQ(state_.view()->lost_segments(), 1u);
  ClusterState restored;
  ASSERT_TRUE(restored.restore(state_.snapshot()));
  EXPECT_EQ(restored.view()->lost_segments(), 1u);
  EXPECT_TRUE(change_holder(true, 0, 5)) << "unless somebody turns out to have it";
  EXPECT_EQ(state_.view()->lost_segments(), 0u);
}

TEST_F(ClusterSegments, ANodeThatIsNeededIsNotRemoved) {
  const Epoch epoch = create(3)->last().epoch;
  ASSERT_TRUE(begin_seal(epoch, 2));
  ASSERT_TRUE(complete(topic()->last().seal_epoch, 10, {1, 3}));
  set_state(3, NodeState::kDown);
  const Status refused = remove(1);
  ASSERT_FALSE(refused) << "the other holder does not answer";
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_NE(refused.error().detail.find("logs"), std::string::npos) << refused.error().detail;
  set_state(3, NodeState::kUp);
  EXPECT_TRUE(remove(1));
  EXPECT_EQ(topic()->segments[0].replicas, ids({3})) << "what it held is not its any more";
  EXPECT_TRUE(remove(3, true)) << "by force";
  EXPECT_EQ(state_.view()->lost_segments(), 1u);
}

TEST_F(ClusterSegments, ANodeIsNotRemovedWhenAnEndCouldNotBeFoundWithoutIt) {
  create(3);
  EXPECT_TRUE(remove(1));
  const Status refused = remove(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_TRUE(remove(4)) << "it has no part in it";
}

TEST_F(ClusterSegments, ASnapshotKeepsASealUnderWay) {
  const Epoch epoch = create(3)->last().epoch;
  ASSERT_TRUE(begin_seal(epoch, 2));
  ClusterState other;
  ASSERT_TRUE(other.restore(state_.snapshot()));
  EXPECT_EQ(other.snapshot(), state_.snapshot());
  const TopicPtr restored = other.view()->find_topic("logs");
  EXPECT_EQ(restored->last().recoverer, NodeId(2));
  EXPECT_EQ(restored->replicas_wanted, 3u);
}

TEST_F(ClusterSegments, NoneOpensOnFewerNodesThanAMajorityOfItsCopies) {
  Members members;
  for (std::uint64_t node = 1; node <= 5; ++node) {
    members.push_back({RaftId(100 + node), NodeId(node), "", MemberRole::kVoter});
  }
  state_.set_members(members);
  create(3);
  for (const std::uint64_t node : {3, 4, 5}) set_state(node, NodeState::kDown);
  ASSERT_TRUE(roll(5, {1, 2, 3}, {})) << "two are up";
  EXPECT_EQ(topic()->last().replicas.size(), 2u);
  set_state(2, NodeState::kDown);
  const Status alone = roll(9, {2, 1}, {});
  ASSERT_FALSE(alone) << "what is acknowledged by one node only is lost with it";
  EXPECT_EQ(alone.error().code, ErrorCode::kUnavailable);
  set_state(4, NodeState::kUp);
  EXPECT_TRUE(roll(9, {2, 1}, {}));
}

/// Nobody has a view that keeps the table alive which is gone through (found as a crash by the simulator; here by
/// ASan).
TEST_F(ClusterSegments, MembersMayChangeTwiceBeforeAnybodyLooks) {
  Members members;
  for (std::uint64_t node = 1; node <= 5; ++node) {
    members.push_back({RaftId(100 + node), NodeId(node), "", MemberRole::kStandby});
  }
  state_.set_members(members);
  (void)state_.view();
  state_.set_members(members);
  for (Member& member : members) member.role = MemberRole::kVoter;
  state_.set_members(members);
  set_state(3, NodeState::kDown);
  state_.set_members(members);
  drain(4);
  EXPECT_TRUE(std::ranges::all_of(std::views::values(state_.view()->nodes()), &NodeInfo::voter));
  EXPECT_TRUE(state_.view()->find_node(NodeId(4))->draining);
}

TEST_F(ClusterSegments, ASmallClusterIsContentWithWhatItHas) {
  state_.set_members({{RaftId(101), NodeId(1), "", MemberRole::kVoter}});
  for (const std::uint64_t node : {2, 3, 4, 5}) set_state(node, NodeState::kDown);
  EXPECT_EQ(create(3)->last().replicas, ids({1}));
}

TEST_F(ClusterSegments, DrainingVotersAreNotCountedAsPlacesForCopies) {
  state_.set_members({{RaftId(101), NodeId(1), "", MemberRole::kVoter},
                      {RaftId(102), NodeId(2), "", MemberRole::kVoter},
                      {RaftId(103), NodeId(3), "", MemberRole::kVoter}});
  for (const std::uint64_t node : {4, 5}) set_state(node, NodeState::kDown);
  drain(2);
  drain(3);
  EXPECT_EQ(create(3)->last().replicas, ids({1}));
}

TEST_F(ClusterSegments, ALoneReplicaWhoseDiskIsGoneIsGivenUpOnlyWhenAnOperatorSaysSo) {
  const Epoch epoch = create(1)->last().epoch;
  const NodeId leader = topic()->last().leader;
  EXPECT_EQ(apply(begin_seal_losing_data(*state_.view(), *topic())).error().code, ErrorCode::kRefused)
      << "its node may come back";
  wipe(leader.value());
  EXPECT_FALSE(begin_seal(epoch, leader.value())) << "there is nothing that it could find";
  ASSERT_TRUE(apply(begin_seal_losing_data(*state_.view(), *topic())));
  ASSERT_EQ(topic()->segments.size(), 2u);
  EXPECT_TRUE(topic()->segments[0].sealed());
  EXPECT_TRUE(topic()->segments[0].replicas.empty());
  EXPECT_EQ(topic()->last().state, SegmentState::kOpen);
}

TEST_F(ClusterSegments, WhatWasReadOfALostSegmentKeepsItsOffsetsAndIsToldAsLost) {
  const Epoch epoch = create(1)->last().epoch;
  Command commit;
  auto& position = *commit.mutable_commit_cursors()->add_positions();
  position.set_topic_id(topic()->id.value());
  position.set_epoch(epoch.value());
  position.set_offset(7);
  ASSERT_TRUE(apply(commit));
  wipe(topic()->last().leader.value());
  ASSERT_TRUE(apply(begin_seal_losing_data(*state_.view(), *topic())));
  EXPECT_EQ(topic()->last().base, Offset(limits::kMaxSegmentEntries)) << "no offset is given away again";
  EXPECT_EQ(state_.view()->shared_cursor(*topic()), topic()->last().base);
  EXPECT_TRUE(topic()->segments[0].lost());
  EXPECT_EQ(state_.view()->lost_segments(), 1u);
}

TEST_F(ClusterSegments, WhatIsLeftOfThreeReplicasIsKept) {
  const std::vector<NodeId> replicas = create(3)->last().replicas;
  wipe(replicas[0].value());
  EXPECT_EQ(apply(begin_seal_losing_data(*state_.view(), *topic())).error().code, ErrorCode::kRefused)
      << "two of three are enough";
  wipe(replicas[1].value());
  ASSERT_TRUE(apply(begin_seal_losing_data(*state_.view(), *topic())));
  EXPECT_EQ(topic()->last().state, SegmentState::kSealing);
  EXPECT_TRUE(topic()->last().lose_data);
  EXPECT_EQ(topic()->last().recoverer, replicas[2]);
  ASSERT_TRUE(complete(topic()->last().seal_epoch, 5, {replicas[2].value()}));
  EXPECT_EQ(topic()->segments[0].replicas, (std::vector<NodeId>{replicas[2]}));
  EXPECT_FALSE(topic()->last().lose_data);
}

}  // namespace
}  // namespace walrus::metadata
