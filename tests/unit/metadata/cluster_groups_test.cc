// Groups of readers in the cluster's state.
#include <gtest/gtest.h>

#include "metadata/cluster_state.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {
namespace {

class ClusterGroups : public testing::Test {
 protected:
  ClusterGroups() {
    Command node;
    node.mutable_upsert_node()->set_node_id(1);
    node.mutable_upsert_node()->set_disk_id(uuid_bytes(Uuid(1, 1)));
    node.mutable_upsert_node()->set_raft_id(7);
    EXPECT_TRUE(apply(node));
    Command create;
    create.mutable_create_topic()->set_name("logs");
    EXPECT_TRUE(apply(create));
  }

  Status apply(const Command& command) { return state_.apply(++index_, command); }
  TopicPtr topic() { return state_.view()->find_topic("logs"); }
  GroupInfo group(const std::string& name) {
    const auto groups = state_.view()->groups(*topic());
    const auto found = groups->find(name);
    return found == groups->end() ? GroupInfo{} : found->second;
  }
  CommitCursors::Position position(std::uint64_t offset, std::uint64_t revision, std::uint64_t generation = 0) {
    CommitCursors::Position to;
    to.set_topic_id(topic()->id.value());
    to.set_epoch(topic()->last().epoch.value());
    to.set_group("g");
    to.set_offset(offset);
    to.set_revision(revision);
    to.set_generation(generation);
    return to;
  }
  Status commit(const CommitCursors::Position& to) {
    Command command;
    *command.mutable_commit_cursors()->add_positions() = to;
    return apply(command);
  }
  void seal(std::uint64_t end) {
    Command command;
    auto& seal = *command.mutable_seal_and_open();
    seal.set_topic_id(topic()->id.value());
    seal.set_segment_id(topic()->last().id.value());
    seal.set_epoch(topic()->last().epoch.value());
    seal.set_end(end);
    seal.add_holders(1);
    ASSERT_TRUE(apply(command));
  }

  ClusterState state_;
  Version index_ = 0;
};

TEST_F(ClusterGroups, an_older_proposal_of_the_owner_that_comes_late_changes_nothing) {
  ASSERT_TRUE(commit(position(5, 2, 1)));
  ASSERT_TRUE(commit(position(9, 1)));
  EXPECT_EQ(group("g").offset, Offset(5));
}

TEST_F(ClusterGroups, an_offset_moves_back_with_a_new_generation_alone) {
  ASSERT_TRUE(commit(position(5, 1)));
  ASSERT_TRUE(commit(position(3, 2)));
  EXPECT_EQ(group("g").offset, Offset(5));
  ASSERT_TRUE(commit(position(3, 3, 1)));
  EXPECT_EQ(group("g").offset, Offset(3));
}

TEST_F(ClusterGroups, an_earlier_owner_commits_nothing) {
  const auto late = position(5, 1);
  seal(10);
  EXPECT_EQ(commit(late).error().code, ErrorCode::kConflict);
  EXPECT_EQ(group("g").offset, Offset(0));
}

TEST_F(ClusterGroups, a_trim_moves_groups_up_to_what_is_left) {
  ASSERT_TRUE(commit(position(5, 1)));
  seal(10);
  Command trim;
  trim.mutable_trim_topic()->set_topic_id(topic()->id.value());
  trim.mutable_trim_topic()->set_before(10);
  ASSERT_TRUE(apply(trim));
  EXPECT_EQ(group("g").offset, Offset(10));
  EXPECT_EQ(state_.view()->shared_cursor(*topic()), Offset(10));
  EXPECT_EQ(state_.broken_invariant(), "");
}

TEST_F(ClusterGroups, a_forgotten_group_is_gone_and_gets_never_stays) {
  ASSERT_TRUE(commit(position(5, 1)));
  auto forget = position(5, 2);
  forget.set_forget(true);
  ASSERT_TRUE(commit(forget));
  EXPECT_FALSE(state_.view()->groups(*topic())->contains("g"));
}

TEST_F(ClusterGroups, groups_and_the_state_of_work_queues_survive_a_snapshot) {
  auto queue = position(5, 3, 1);
  queue.mutable_queue()->mutable_settings()->set_max_tries(4);
  queue.mutable_queue()->mutable_settings()->set_dead_topic("dead");
  for (const std::uint64_t number : {6, 2, 10, 1}) queue.mutable_queue()->add_done(number);
  auto& failure = *queue.mutable_queue()->add_failures();
  failure.set_offset(9);
  failure.set_tries(2);
  failure.set_due_ms(77);
  ASSERT_TRUE(commit(queue));
  const std::string snapshot = state_.snapshot();
  ClusterState again;
  ASSERT_TRUE(again.restore(snapshot));
  EXPECT_EQ(again.snapshot(), snapshot);
  const auto groups = again.view()->groups(*again.view()->find_topic("logs"));
  const GroupInfo restored = groups->at("g");
  EXPECT_EQ(restored.generation, 1u);
  EXPECT_EQ(restored.revision, 3u);
  ASSERT_NE(restored.queue, nullptr);
  EXPECT_EQ(restored.queue->done, (std::vector<OffsetRange>{{Offset(6), Offset(8)}, {Offset(10), Offset(11)}}));
  EXPECT_EQ(restored.queue->failures, (std::vector<QueueFailure>{{Offset(9), 2, 77}}));
  EXPECT_EQ(restored.queue->settings.dead_topic, "dead");
}

TEST_F(ClusterGroups, what_a_work_queue_commits_behind_a_trim_can_be_restored) {
  seal(20);
  Command trim;
  trim.mutable_trim_topic()->set_topic_id(topic()->id.value());
  trim.mutable_trim_topic()->set_before(20);
  ASSERT_TRUE(apply(trim));
  ASSERT_EQ(topic()->start(), Offset(20));
  auto queue = position(0, 1);
  for (const std::uint64_t number : {1, 2, 15, 10, 30, 1}) queue.mutable_queue()->add_done(number);
  queue.mutable_queue()->add_failures()->set_offset(7);
  ASSERT_TRUE(commit(queue));
  EXPECT_EQ(group("g").offset, Offset(25));
  EXPECT_EQ(group("g").queue->done, (std::vector<OffsetRange>{{Offset(30), Offset(31)}}));
  ClusterState again;
  EXPECT_TRUE(again.restore(state_.snapshot()));
}

TEST_F(ClusterGroups, the_state_of_a_work_queue_that_does_not_add_up_is_refused) {
  auto queue = position(5, 1);
  queue.mutable_queue()->add_done(4);
  queue.mutable_queue()->add_done(2);
  EXPECT_EQ(commit(queue).error().code, ErrorCode::kCorrupt) << "a range before the group's offset";
  EXPECT_FALSE(state_.view()->groups(*topic())->contains("g"));
}

TEST_F(ClusterGroups, a_view_that_was_given_out_does_not_change) {
  ASSERT_TRUE(commit(position(1, 1)));
  const ViewPtr before = state_.view();
  ASSERT_TRUE(commit(position(2, 2)));
  ASSERT_TRUE(commit(position(3, 3)));
  EXPECT_EQ(before->groups(*before->find_topic("logs"))->at("g").offset, Offset(1));
  EXPECT_EQ(group("g").offset, Offset(3));
}

}  // namespace
}  // namespace walrus::metadata
