// Topics as a whole: their options, trimming, deleting. The commands in themselves; cluster_state_test.cc applies them
// in random sequences.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metadata/cluster_state.h"
#include "metadata/topic_settings.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ClusterTopics : public testing::Test {
 protected:
  ClusterTopics() {
    upsert(1, 1);
    upsert(2, 2);
    create("a");
  }
  ErrorCode refused(const Command& command) {
    const Status status = apply(command);
    EXPECT_FALSE(status) << "not refused: " << command.ShortDebugString();
    return status ? ErrorCode::kIo : status.error().code;
  }
  Status apply(const Command& command) {
    Status status = state.apply(++index, command);
    EXPECT_THAT(state.broken_invariant(), IsEmpty());
    return status;
  }
  void upsert(std::uint64_t node, std::uint64_t disk) {
    Command command;
    auto& upsert = *command.mutable_upsert_node();
    upsert.set_node_id(node);
    upsert.set_disk_id(uuid_bytes(Uuid(disk, disk)));
    upsert.set_raft_id(1000 + disk);
    ASSERT_TRUE(apply(command));
  }
  void set_node_state(std::uint64_t node, NodeState to) {
    Command command;
    command.mutable_set_node_state()->set_node_id(node);
    command.mutable_set_node_state()->set_disk_id(uuid_bytes(Uuid(node, node)));
    command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(to));
    ASSERT_TRUE(apply(command));
  }
  void create(const std::string& name, const TopicSettings& settings = {}) {
    Command command;
    command.mutable_create_topic()->set_name(name);
    *command.mutable_create_topic()->mutable_settings() = settings;
    ASSERT_TRUE(apply(command));
  }
  void seal(std::uint64_t end, std::uint64_t bytes = 0) {
    Command command;
    auto& seal = *command.mutable_seal_and_open();
    seal.set_topic_id(topic()->id.value());
    seal.set_segment_id(topic()->last().id.value());
    seal.set_epoch(topic()->last().epoch.value());
    seal.set_end(end);
    seal.set_bytes(bytes);
    seal.set_latest_ms(1000 + static_cast<std::int64_t>(end));
    seal.add_holders(topic()->last().leader.value());
    ASSERT_TRUE(apply(command));
  }
  Status trim(std::uint64_t before) {
    Command command;
    command.mutable_trim_topic()->set_topic_id(topic()->id.value());
    command.mutable_trim_topic()->set_before(before);
    return apply(command);
  }
  Status remove(TopicId id) {
    Command command;
    command.mutable_delete_topic()->set_topic_id(id.value());
    return apply(command);
  }
  Command confirm(std::uint64_t node, Version incarnation, TopicId id) {
    Command command;
    command.mutable_confirm_deletions()->set_node_id(node);
    command.mutable_confirm_deletions()->set_incarnation(incarnation);
    command.mutable_confirm_deletions()->add_topic_ids(id.value());
    return command;
  }
  Command options(Version expected) {
    Command command;
    command.mutable_set_topic_options()->set_topic_id(topic()->id.value());
    command.mutable_set_topic_options()->set_expected_version(expected);
    return command;
  }
  TopicPtr topic() { return state.view()->find_topic("a"); }
  std::vector<std::uint64_t> kept() {
    std::vector<std::uint64_t> ids;
    for (const SegmentInfo& segment : topic()->segments) ids.push_back(segment.id.value());
    return ids;
  }
  std::size_t waiting_for(TopicId id) {
    const auto found = state.view()->deleted_topics().find(id);
    return found == state.view()->deleted_topics().end() ? 0 : found->second.nodes.size();
  }

  ClusterState state;
  Version index = 0;
};

TEST_F(ClusterTopics, options_are_what_was_said_at_the_creation) {
  TopicSettings settings;
  settings.set_fsync(TopicSettings::INTERVAL);
  settings.set_fsync_interval_ms(100);
  settings.set_retention_bytes(1 << 20);
  create("b", settings);
  const TopicPtr b = state.view()->find_topic("b");
  EXPECT_EQ(b->options.fsync,
            (SyncPolicy{.kind = SyncPolicy::Kind::kInterval, .interval = std::chrono::milliseconds(100)}));
  EXPECT_EQ(b->options.retention_bytes, 1u << 20);
  EXPECT_EQ(topic()->options, TopicOptions());
  EXPECT_TRUE(topic()->options.retains_all());
}

TEST_F(ClusterTopics, options_change_only_from_what_the_proposer_saw) {
  Command change = options(topic()->options_version);
  change.mutable_set_topic_options()->mutable_settings()->set_retention_ms(60'000);
  change.mutable_set_topic_options()->mutable_settings()->set_fsync(TopicSettings::NEVER);
  change.mutable_set_topic_options()->set_replicas(2);
  ASSERT_TRUE(apply(change));
  EXPECT_EQ(refused(change), ErrorCode::kConflict);  // proposed twice

  Command another = options(topic()->options_version);
  another.mutable_set_topic_options()->mutable_settings()->set_fsync(TopicSettings::NODE_DEFAULT);
  another.mutable_set_topic_options()->set_segment_entries(10);
  ASSERT_TRUE(apply(another));
  EXPECT_EQ(topic()->options.retention_ms, 60'000u);  // not named, so as it was
  EXPECT_EQ(topic()->options.fsync, std::nullopt);
  EXPECT_EQ(topic()->replicas_wanted, 2u);
  EXPECT_EQ(topic()->segment_entries, 10u);
}

TEST_F(ClusterTopics, options_that_make_no_sense_are_refused) {
  Command change = options(topic()->options_version);
  change.mutable_set_topic_options()->mutable_settings()->set_fsync(TopicSettings::INTERVAL);
  EXPECT_EQ(refused(change), ErrorCode::kInvalidArgument);
  change = options(topic()->options_version);
  change.mutable_set_topic_options()->set_replicas(0);
  EXPECT_EQ(refused(change), ErrorCode::kInvalidArgument);
  EXPECT_EQ(topic()->options, TopicOptions());
}

TEST_F(ClusterTopics, a_trim_takes_whole_sealed_segments_and_never_more_than_asked) {
  for (const std::uint64_t end : {10, 20, 30}) seal(end);
  ASSERT_TRUE(trim(9));
  EXPECT_THAT(kept(), ElementsAre(0, 1, 2, 3));
  ASSERT_TRUE(trim(29));
  EXPECT_THAT(kept(), ElementsAre(2, 3));
  EXPECT_EQ(topic()->start(), Offset(20));
  EXPECT_EQ(topic()->holding(Offset(19)), nullptr);
  ASSERT_TRUE(trim(10));  // less than before: nothing comes back
  EXPECT_THAT(kept(), ElementsAre(2, 3));
  ASSERT_TRUE(trim(1'000'000));
  EXPECT_THAT(kept(), ElementsAre(3));  // the open one stays
}

TEST_F(ClusterTopics, a_trim_moves_the_shared_cursor_up_to_what_is_left_and_never_back) {
  for (const std::uint64_t end : {10, 20}) seal(end);
  ASSERT_TRUE(trim(10));
  EXPECT_EQ(state.view()->shared_cursor(*topic()), Offset(10));
  Command commit;
  auto& position = *commit.mutable_commit_cursors()->add_positions();
  position.set_topic_id(topic()->id.value());
  position.set_epoch(topic()->last().epoch.value());
  position.set_offset(25);
  ASSERT_TRUE(apply(commit));
  ASSERT_TRUE(trim(20));
  EXPECT_EQ(state.view()->shared_cursor(*topic()), Offset(25));
}

TEST_F(ClusterTopics, segments_that_nobody_has_any_more_are_not_missed_after_a_trim) {
  seal(10);
  Command lose;
  lose.mutable_set_node_state()->set_node_id(1);
  lose.mutable_set_node_state()->set_disk_id(uuid_bytes(Uuid(1, 1)));
  lose.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(NodeState::kRemoved));
  lose.mutable_set_node_state()->set_lose_data(true);
  ASSERT_TRUE(apply(lose));
  ASSERT_EQ(state.view()->lost_segments(), 1u);
  ASSERT_TRUE(trim(10));
  EXPECT_EQ(state.view()->lost_segments(), 0u);
}

TEST_F(ClusterTopics, sealed_segments_know_their_size_and_age) {
  seal(10, 5000);
  EXPECT_EQ(topic()->segments.front().bytes, 5000u);
  EXPECT_EQ(topic()->segments.front().latest_ms, 1010);
  ClusterState restored;
  ASSERT_TRUE(restored.restore(state.snapshot()));
  EXPECT_EQ(restored.view()->find_topic("a")->segments.front().bytes, 5000u);
  EXPECT_EQ(restored.view()->find_topic("a")->segments.front().latest_ms, 1010);
}

TEST_F(ClusterTopics, a_deleted_topic_is_gone_at_once_and_its_name_is_free) {
  const TopicId id = topic()->id;
  ASSERT_TRUE(remove(id));
  EXPECT_EQ(topic(), nullptr);
  EXPECT_EQ(state.view()->find_topic(id), nullptr);
  ASSERT_TRUE(remove(id));  // proposed twice
  create("a");
  EXPECT_NE(topic()->id, id);
  EXPECT_EQ(topic()->start(), Offset(0));
  EXPECT_EQ(state.view()->shared_cursor(*topic()), Offset(0));
}

TEST_F(ClusterTopics, a_deletion_is_remembered_until_every_node_has_confirmed) {
  const TopicId id = topic()->id;
  ASSERT_TRUE(remove(id));
  ASSERT_EQ(waiting_for(id), 2u);
  EXPECT_EQ(state.view()->deleted_topics().at(id).name, "a");
  const Version incarnation = state.view()->find_node(NodeId(1))->incarnation;
  EXPECT_EQ(refused(confirm(1, incarnation + 1, id)), ErrorCode::kConflict);  // another disk
  ASSERT_TRUE(apply(confirm(1, incarnation, id)));
  ASSERT_TRUE(apply(confirm(1, incarnation, id)));
  EXPECT_EQ(waiting_for(id), 1u);

  ClusterState restored;
  ASSERT_TRUE(restored.restore(state.snapshot()));
  EXPECT_EQ(restored.view()->deleted_topics(), state.view()->deleted_topics());

  ASSERT_TRUE(apply(confirm(2, state.view()->find_node(NodeId(2))->incarnation, id)));
  EXPECT_THAT(state.view()->deleted_topics(), IsEmpty());
}

TEST_F(ClusterTopics, nothing_is_waited_for_from_a_disk_that_is_gone) {
  const TopicId id = topic()->id;
  ASSERT_TRUE(remove(id));
  set_node_state(2, NodeState::kDown);
  EXPECT_EQ(waiting_for(id), 2u);  // it will be back
  upsert(2, 3);                    // with another disk
  EXPECT_EQ(waiting_for(id), 1u);
  set_node_state(1, NodeState::kRemoved);
  EXPECT_THAT(state.view()->deleted_topics(), IsEmpty());
}

TEST_F(ClusterTopics, only_a_topic_that_may_lose_records_is_sealed_before_its_cursor) {
  const auto cursor_then_seal_at = [&](std::uint64_t cursor, std::uint64_t end) {
    Command commit;
    auto& position = *commit.mutable_commit_cursors()->add_positions();
    position.set_topic_id(topic()->id.value());
    position.set_epoch(topic()->last().epoch.value());
    position.set_offset(cursor);
    EXPECT_TRUE(apply(commit));
    Command begin;
    begin.mutable_begin_seal()->set_topic_id(topic()->id.value());
    begin.mutable_begin_seal()->set_segment_id(topic()->last().id.value());
    begin.mutable_begin_seal()->set_epoch(topic()->last().epoch.value());
    begin.mutable_begin_seal()->set_expected_seal_epoch(topic()->last().seal_epoch.value());
    begin.mutable_begin_seal()->set_recoverer(topic()->last().leader.value());
    EXPECT_TRUE(apply(begin));
    Command complete;
    complete.mutable_complete_seal_and_open()->set_topic_id(topic()->id.value());
    complete.mutable_complete_seal_and_open()->set_segment_id(topic()->last().id.value());
    complete.mutable_complete_seal_and_open()->set_seal_epoch(topic()->last().seal_epoch.value());
    complete.mutable_complete_seal_and_open()->set_end(end);
    complete.mutable_complete_seal_and_open()->add_holders(topic()->last().leader.value());
    return apply(complete);
  };
  EXPECT_FALSE(cursor_then_seal_at(20, 15));
  Command change = options(topic()->options_version);
  change.mutable_set_topic_options()->mutable_settings()->set_fsync(TopicSettings::NEVER);
  ASSERT_TRUE(apply(change));
  ASSERT_TRUE(cursor_then_seal_at(20, 15));
  EXPECT_EQ(state.view()->shared_cursor(*topic()), Offset(15));
}

TEST_F(ClusterTopics, a_view_from_before_still_shows_what_was_deleted) {
  const ViewPtr before = state.view();
  ASSERT_TRUE(remove(topic()->id));
  EXPECT_NE(before->find_topic("a"), nullptr);
  EXPECT_THAT(before->deleted_topics(), IsEmpty());
}

}  // namespace
}  // namespace walrus::metadata
