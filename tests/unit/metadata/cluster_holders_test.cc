// Who holds a sealed segment, and whose copies are one too many.
#include "tests/unit/metadata/segments_fixture.h"

namespace walrus::metadata {
namespace {

class ClusterHolders : public SegmentsFixture {
 protected:
  /// Segment 0 is sealed with 2, 3 and 4 as its holders; 1 has led it and was left behind.
  void seal_on_others() {
    ASSERT_TRUE(begin_seal(create(3)->last().epoch, 2));
    ASSERT_TRUE(complete(topic()->last().seal_epoch, 10, {2, 3}));
    ASSERT_TRUE(change_holder(true, 0, 4));
  }
  const SegmentInfo& sealed() {
    topic_ = topic();
    return topic_->segments[0];
  }
  Version decision(std::uint64_t node) {
    const Discard* discard = sealed().discard_of(NodeId(node));
    return discard != nullptr ? discard->version : 0;
  }
  TopicPtr topic_;
};

TEST_F(ClusterHolders, HoldersComeWithTheRightContentAndTheLastOneStays) {
  const Epoch epoch = create(3)->last().epoch;
  EXPECT_EQ(change_holder(true, 0, 4).error().code, ErrorCode::kConflict) << "not sealed yet";
  ASSERT_TRUE(begin_seal(epoch, 2));
  ASSERT_TRUE(complete(topic()->last().seal_epoch, 1, {2, 3}));
  EXPECT_EQ(change_holder(true, 0, 4, 78).error().code, ErrorCode::kConflict) << "another content";
  EXPECT_TRUE(change_holder(true, 0, 4));
  EXPECT_TRUE(change_holder(true, 0, 4)) << "again is no change";
  EXPECT_EQ(topic()->segments[0].replicas, ids({2, 3, 4}));
  EXPECT_TRUE(change_holder(false, 0, 2));
  EXPECT_TRUE(change_holder(false, 0, 3));
  EXPECT_EQ(change_holder(false, 0, 4).error().code, ErrorCode::kConflict);
  EXPECT_EQ(topic()->segments[0].replicas, ids({4}));
}

TEST_F(ClusterHolders, ACopyIsDiscardedWhileAsManyOthersAreUpAsTheTopicWants) {
  seal_on_others();
  EXPECT_EQ(discard(2).error().code, ErrorCode::kConflict) << "a holder";
  set_state(3, NodeState::kDown);
  EXPECT_EQ(discard(1).error().code, ErrorCode::kConflict);
  set_state(3, NodeState::kUp);
  drain(4);
  EXPECT_EQ(discard(1).error().code, ErrorCode::kConflict) << "a draining node's copy goes, too";
  ASSERT_TRUE(change_holder(true, 0, 5));
  EXPECT_TRUE(discard(1));
  const Version version = decision(1);
  EXPECT_NE(version, 0u);
  EXPECT_TRUE(discard(1)) << "again is no change";
  EXPECT_EQ(decision(1), version);
}

TEST_F(ClusterHolders, WhatIsToBeDiscardedIsNoHolderUntilItIsGone) {
  seal_on_others();
  ASSERT_TRUE(discard(1));
  const Version version = decision(1);
  EXPECT_EQ(change_holder(true, 0, 1, 77, index_).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(confirm_discard(1, version - 1)) << "of an earlier one: no change";
  EXPECT_EQ(decision(1), version);
  EXPECT_TRUE(confirm_discard(1, version));
  EXPECT_EQ(decision(1), 0u);
  EXPECT_EQ(change_holder(true, 0, 1, 77, version - 1).error().code, ErrorCode::kConflict)
      << "what was found whole before the decision may be gone";
  EXPECT_TRUE(change_holder(true, 0, 1, 77, version));
}

TEST_F(ClusterHolders, TheLastCopyOfAllIsTakenBack) {
  seal_on_others();
  ASSERT_TRUE(discard(1));
  for (const std::uint64_t node : {2, 3, 4}) wipe(node);
  ASSERT_TRUE(sealed().lost());
  EXPECT_TRUE(change_holder(true, 0, 1, 77, index_));
  EXPECT_EQ(sealed().replicas, ids({1}));
  EXPECT_EQ(decision(1), 0u);
  EXPECT_EQ(state_.view()->lost_segments(), 0u);
}

TEST_F(ClusterHolders, AReplacedDiskHasNothingToDiscard) {
  seal_on_others();
  ASSERT_TRUE(discard(1));
  wipe(1);
  EXPECT_EQ(decision(1), 0u);
}

TEST_F(ClusterHolders, ANodeStaysWithoutWhichTheVotersThatAreUpAreNoMajority) {
  Members members;
  for (std::uint64_t node = 1; node <= 3; ++node) {
    members.push_back(
        {.raft_id = RaftId(100 + node), .node_id = NodeId(node), .address = {}, .role = MemberRole::kVoter});
  }
  state_.set_members(members);
  set_state(1, NodeState::kDown);
  EXPECT_EQ(remove(2).error().code, ErrorCode::kRefused) << "of 1 and 3 one would be up";
  EXPECT_TRUE(remove(5)) << "does not vote";
  EXPECT_TRUE(remove(1)) << "2 and 3 are up";
  EXPECT_TRUE(remove(2)) << "3 is up, and alone";
}

TEST_F(ClusterHolders, DiscardsOutliveASnapshot) {
  seal_on_others();
  ASSERT_TRUE(discard(1));
  const SegmentInfo before = sealed();
  ClusterState other;
  ASSERT_TRUE(other.restore(state_.snapshot()));
  const SegmentInfo after = other.view()->find_topic("logs")->segments[0];
  EXPECT_EQ(after.discards, before.discards);
  EXPECT_EQ(after.discarded, before.discarded);
  EXPECT_EQ(other.snapshot(), state_.snapshot());
}

}  // namespace
}  // namespace walrus::metadata
