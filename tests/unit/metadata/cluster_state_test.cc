#include "metadata/cluster_state.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "metadata/uuid_bytes.h"

namespace walrus::metadata {
namespace {

using testing::IsEmpty;

Command create_topic(const std::string& name) {
  Command command;
  command.mutable_create_topic()->set_name(name);
  return command;
}

Command upsert_node(std::uint64_t node, std::uint64_t disk) {
  Command command;
  auto& upsert = *command.mutable_upsert_node();
  upsert.set_node_id(node);
  upsert.set_disk_id(uuid_bytes(Uuid(disk, disk)));
  upsert.set_raft_id(1000 + disk);
  upsert.set_peer_address(fmt::format("127.0.0.1:{}", 6000 + node));
  return command;
}

Command set_node_state(std::uint64_t node, std::uint64_t disk, NodeState state) {
  Command command;
  auto& set = *command.mutable_set_node_state();
  set.set_node_id(node);
  set.set_disk_id(uuid_bytes(Uuid(disk, disk)));
  set.set_state(static_cast<std::uint32_t>(state));
  return command;
}

Command set_draining(std::uint64_t node, std::uint64_t disk) {
  Command command;
  auto& set = *command.mutable_set_draining();
  set.set_node_id(node);
  set.set_disk_id(uuid_bytes(Uuid(disk, disk)));
  set.set_draining(true);
  return command;
}

Command seal_and_open(const TopicInfo& topic, std::uint64_t end, std::uint64_t cursor = 0) {
  Command command;
  auto& seal = *command.mutable_seal_and_open();
  seal.set_topic_id(topic.id.value());
  seal.set_segment_id(topic.last().id.value());
  seal.set_epoch(topic.last().epoch.value());
  seal.set_end(end);
  seal.set_shared_cursor(cursor);
  for (const NodeId replica : topic.last().replicas) seal.add_holders(replica.value());
  return command;
}

Command commit_cursor(TopicId topic, Epoch epoch, std::uint64_t offset) {
  Command command;
  auto& position = *command.mutable_commit_cursors()->add_positions();
  position.set_topic_id(topic.value());
  position.set_epoch(epoch.value());
  position.set_offset(offset);
  return command;
}

Command trim(const TopicInfo& topic, std::uint64_t before) {
  Command command;
  command.mutable_trim_topic()->set_topic_id(topic.id.value());
  command.mutable_trim_topic()->set_before(before);
  return command;
}

Command delete_topic(const TopicInfo& topic) {
  Command command;
  command.mutable_delete_topic()->set_topic_id(topic.id.value());
  return command;
}

/// The node confirms every deletion that the view lists.
Command confirm_all(const View& view, NodeId node) {
  Command command;
  auto& confirm = *command.mutable_confirm_deletions();
  confirm.set_node_id(node.value());
  confirm.set_incarnation(view.find_node(node)->incarnation);
  for (const auto& [topic, waiting] : view.deleted_topics()) confirm.add_topic_ids(topic.value());
  return command;
}

Command set_retention(const TopicInfo& topic, Version expected, std::uint64_t records) {
  Command command;
  auto& set = *command.mutable_set_topic_options();
  set.set_topic_id(topic.id.value());
  set.set_expected_version(expected);
  set.mutable_settings()->set_retention_records(records);
  return command;
}

/// A cluster state with nodes 1..n, each on the disk of its own number.
struct Cluster {
  explicit Cluster(std::uint64_t nodes) {
    for (std::uint64_t node = 1; node <= nodes; ++node) EXPECT_TRUE(apply(upsert_node(node, node)));
  }
  Status apply(const Command& command) {
    Status status = state.apply(++index, command);
    EXPECT_THAT(state.broken_invariant(), IsEmpty());
    return status;
  }
  ErrorCode refused(const Command& command) {
    const std::string before = state.snapshot();
    const Status status = apply(command);
    EXPECT_FALSE(status) << "not refused: " << command.ShortDebugString();
    // A refused command changes nothing but the version.
    Snapshot then, now;
    EXPECT_TRUE(then.ParseFromString(before) && now.ParseFromString(state.snapshot()));
    then.set_version(0);
    now.set_version(0);
    EXPECT_EQ(then.SerializeAsString(), now.SerializeAsString());
    return status ? ErrorCode::kIo : status.error().code;
  }
  TopicPtr topic(const std::string& name) { return state.view()->find_topic(name); }

  ClusterState state;
  Version index = 0;
};

TEST(ClusterState, a_new_topic_is_led_by_the_up_node_that_leads_fewest_with_the_lowest_id) {
  Cluster cluster(3);
  for (const char* name : {"a", "b", "c", "d"}) ASSERT_TRUE(cluster.apply(create_topic(name)));
  EXPECT_EQ(cluster.topic("a")->last().leader, NodeId(1));
  EXPECT_EQ(cluster.topic("b")->last().leader, NodeId(2));
  EXPECT_EQ(cluster.topic("c")->last().leader, NodeId(3));
  EXPECT_EQ(cluster.topic("d")->last().leader, NodeId(1));

  ASSERT_TRUE(cluster.apply(set_node_state(2, 2, NodeState::kDown)));
  ASSERT_TRUE(cluster.apply(create_topic("e")));
  EXPECT_EQ(cluster.topic("e")->last().leader, NodeId(3));
}

TEST(ClusterState, creating_a_topic_again_is_ok_and_changes_nothing) {
  Cluster cluster(1);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  const TopicPtr first = cluster.topic("a");
  EXPECT_EQ(first->id, TopicId(2));  // the index of its command
  EXPECT_EQ(first->last().epoch, Epoch(2));
  EXPECT_TRUE(cluster.apply(create_topic("a")));
  EXPECT_EQ(cluster.topic("a"), first);
}

TEST(ClusterState, a_topic_without_a_node_to_lead_it_is_refused) {
  Cluster cluster(1);
  ASSERT_TRUE(cluster.apply(set_node_state(1, 1, NodeState::kDown)));
  EXPECT_EQ(cluster.refused(create_topic("a")), ErrorCode::kUnavailable);
  EXPECT_EQ(cluster.refused(create_topic("")), ErrorCode::kInvalidTopicName);
}

TEST(ClusterState, a_seal_opens_the_next_segment_at_its_end_on_the_next_node) {
  Cluster cluster(3);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  ASSERT_TRUE(cluster.apply(seal_and_open(*cluster.topic("a"), 1000, 7)));
  const TopicPtr topic = cluster.topic("a");
  ASSERT_EQ(topic->segments.size(), 2u);
  EXPECT_TRUE(topic->segments[0].sealed());
  EXPECT_EQ(topic->segments[0].end, Offset(1000));
  EXPECT_EQ(topic->last().id, SegmentId(1));
  EXPECT_EQ(topic->last().base, Offset(1000));
  EXPECT_EQ(topic->last().epoch, Epoch(cluster.index));
  EXPECT_EQ(topic->last().leader, NodeId(2));
  EXPECT_THAT(topic->last().replicas, testing::ElementsAre(NodeId(2)));
  EXPECT_EQ(cluster.state.view()->shared_cursor(*topic), Offset(7));
}

TEST(ClusterState, the_next_leader_skips_nodes_that_are_not_up_and_wraps) {
  Cluster cluster(3);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  ASSERT_TRUE(cluster.apply(set_draining(2, 2)));
  ASSERT_TRUE(cluster.apply(seal_and_open(*cluster.topic("a"), 1)));
  EXPECT_EQ(cluster.topic("a")->last().leader, NodeId(3));
  ASSERT_TRUE(cluster.apply(seal_and_open(*cluster.topic("a"), 2)));
  EXPECT_EQ(cluster.topic("a")->last().leader, NodeId(1));
}

TEST(ClusterState, a_single_node_is_its_own_next_leader) {
  Cluster cluster(1);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  ASSERT_TRUE(cluster.apply(seal_and_open(*cluster.topic("a"), 5)));
  EXPECT_EQ(cluster.topic("a")->last().leader, NodeId(1));
}

TEST(ClusterState, a_segment_gets_one_end_only) {
  Cluster cluster(2);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  const Command seal = seal_and_open(*cluster.topic("a"), 10);
  Command other_end = seal;
  other_end.mutable_seal_and_open()->set_end(11);
  ASSERT_TRUE(cluster.apply(seal));
  EXPECT_EQ(cluster.refused(seal), ErrorCode::kConflict);
  EXPECT_EQ(cluster.refused(other_end), ErrorCode::kConflict);
  EXPECT_EQ(cluster.topic("a")->segments[0].end, Offset(10));
}

TEST(ClusterState, a_seal_needs_the_epoch_of_the_open_segment) {
  Cluster cluster(2);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  Command seal = seal_and_open(*cluster.topic("a"), 10);
  seal.mutable_seal_and_open()->set_epoch(seal.seal_and_open().epoch() + 1);
  EXPECT_EQ(cluster.refused(seal), ErrorCode::kConflict);
  seal.mutable_seal_and_open()->set_topic_id(999);
  EXPECT_EQ(cluster.refused(seal), ErrorCode::kTopicNotFound);
}

TEST(ClusterState, a_seal_below_the_base_or_with_a_cursor_behind_the_end_is_refused) {
  Cluster cluster(2);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  ASSERT_TRUE(cluster.apply(seal_and_open(*cluster.topic("a"), 10)));
  EXPECT_EQ(cluster.refused(seal_and_open(*cluster.topic("a"), 9)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(cluster.refused(seal_and_open(*cluster.topic("a"), 12, 13)), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(cluster.apply(seal_and_open(*cluster.topic("a"), 10, 10)));  // an empty segment may be sealed
}

TEST(ClusterState, a_cursor_moves_forward_only_and_only_for_the_leader_of_the_open_segment) {
  Cluster cluster(2);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  const TopicPtr topic = cluster.topic("a");
  const Epoch first = topic->last().epoch;
  const auto cursor = [&] { return cluster.state.view()->shared_cursor(*cluster.topic("a")); };
  ASSERT_TRUE(cluster.apply(commit_cursor(topic->id, first, 5)));
  EXPECT_EQ(cursor(), Offset(5));
  EXPECT_TRUE(cluster.apply(commit_cursor(topic->id, first, 4)));
  EXPECT_EQ(cursor(), Offset(5));

  ASSERT_TRUE(cluster.apply(seal_and_open(*topic, 10, 3)));  // a lower position does not pull it back
  EXPECT_EQ(cursor(), Offset(5));
  EXPECT_EQ(cluster.refused(commit_cursor(topic->id, first, 9)), ErrorCode::kConflict);
  EXPECT_TRUE(cluster.apply(commit_cursor(topic->id, cluster.topic("a")->last().epoch, 9)));
  EXPECT_EQ(cursor(), Offset(9));
}

TEST(ClusterState, one_stale_position_does_not_cost_the_others_of_its_batch) {
  Cluster cluster(1);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  ASSERT_TRUE(cluster.apply(create_topic("b")));
  Command command = commit_cursor(cluster.topic("a")->id, Epoch(999), 5);
  command.mutable_commit_cursors()->MergeFrom(
      commit_cursor(cluster.topic("b")->id, cluster.topic("b")->last().epoch, 6).commit_cursors());
  const Status status = cluster.apply(command);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kConflict);
  EXPECT_EQ(cluster.state.view()->shared_cursor(*cluster.topic("a")), Offset(0));
  EXPECT_EQ(cluster.state.view()->shared_cursor(*cluster.topic("b")), Offset(6));
}

TEST(ClusterState, a_disk_that_was_removed_or_belongs_elsewhere_is_refused) {
  Cluster cluster(2);
  EXPECT_EQ(cluster.refused(upsert_node(3, 2)), ErrorCode::kIdentityRefused);  // a copied disk under a new id
  ASSERT_TRUE(cluster.apply(set_node_state(1, 1, NodeState::kRemoved)));
  EXPECT_EQ(cluster.refused(upsert_node(1, 1)), ErrorCode::kIdentityRefused);  // the removed disk comes back
  EXPECT_EQ(cluster.refused(set_node_state(1, 1, NodeState::kUp)), ErrorCode::kRefused);
  ASSERT_TRUE(cluster.apply(upsert_node(1, 50)));
  EXPECT_EQ(cluster.state.view()->find_node(NodeId(1))->state, NodeState::kUp);
  EXPECT_EQ(cluster.refused(set_node_state(1, 1, NodeState::kDown)), ErrorCode::kConflict);  // meant the old disk
}

TEST(ClusterState, a_new_disk_takes_the_place_of_one_that_is_down_and_only_then) {
  Cluster cluster(2);
  EXPECT_EQ(cluster.refused(upsert_node(1, 50)), ErrorCode::kConflict);  // perhaps it is about to be missed
  ASSERT_TRUE(cluster.apply(set_node_state(1, 1, NodeState::kDown)));
  ASSERT_TRUE(cluster.apply(upsert_node(1, 50)));
  const NodeInfo node = *cluster.state.view()->find_node(NodeId(1));
  EXPECT_EQ(node.disk_id, Uuid(50, 50));
  EXPECT_EQ(node.state, NodeState::kUp);
  EXPECT_EQ(node.incarnation, cluster.index);
  ASSERT_TRUE(cluster.apply(upsert_node(1, 50)));
  EXPECT_EQ(cluster.state.view()->find_node(NodeId(1))->incarnation, node.incarnation);  // the same disk

  // The old disk never comes back, nor under another id, nor from a snapshot's point of view.
  ASSERT_TRUE(cluster.apply(set_node_state(1, 50, NodeState::kDown)));
  EXPECT_EQ(cluster.refused(upsert_node(1, 1)), ErrorCode::kIdentityRefused);
  EXPECT_EQ(cluster.refused(upsert_node(7, 1)), ErrorCode::kIdentityRefused);
  ClusterState restored;
  ASSERT_TRUE(restored.restore(cluster.state.snapshot()));
  EXPECT_EQ(restored.snapshot(), cluster.state.snapshot());
  const Status refused = restored.apply(cluster.index + 1, upsert_node(1, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIdentityRefused);
}

TEST(ClusterState, an_upsert_of_a_known_node_changes_its_addresses_only) {
  Cluster cluster(2);
  ASSERT_TRUE(cluster.apply(set_draining(1, 1)));
  ASSERT_TRUE(cluster.apply(set_node_state(1, 1, NodeState::kDown)));
  Command moved = upsert_node(1, 1);
  moved.mutable_upsert_node()->set_peer_address("127.0.0.1:7777");
  ASSERT_TRUE(cluster.apply(moved));
  const NodeInfo* node = cluster.state.view()->find_node(NodeId(1));
  EXPECT_EQ(node->peer_address, "127.0.0.1:7777");
  EXPECT_EQ(node->state, NodeState::kDown);
  EXPECT_TRUE(node->draining);
}

TEST(ClusterState, the_last_node_that_could_take_over_is_not_drained) {
  Cluster cluster(2);
  ASSERT_TRUE(cluster.apply(set_draining(1, 1)));
  EXPECT_EQ(cluster.refused(set_draining(2, 2)), ErrorCode::kRefused);
  ASSERT_TRUE(cluster.apply(set_node_state(2, 2, NodeState::kDown)));
  ASSERT_TRUE(cluster.apply(create_topic("a")));  // a draining node is better than none
  EXPECT_EQ(cluster.topic("a")->last().leader, NodeId(1));
}

TEST(ClusterState, the_cluster_id_is_set_once) {
  Cluster cluster(0);
  Command init;
  init.mutable_init_cluster()->set_cluster_id(uuid_bytes(Uuid(1, 2)));
  ASSERT_TRUE(cluster.apply(init));
  EXPECT_EQ(cluster.state.view()->cluster_id(), Uuid(1, 2));
  EXPECT_TRUE(cluster.apply(init));
  init.mutable_init_cluster()->set_cluster_id(uuid_bytes(Uuid(3, 4)));
  EXPECT_EQ(cluster.refused(init), ErrorCode::kConflict);
  init.mutable_init_cluster()->set_cluster_id("short");
  EXPECT_EQ(cluster.refused(init), ErrorCode::kInvalidArgument);
}

TEST(ClusterState, a_command_of_a_newer_version_is_refused_and_takes_its_place) {
  Cluster cluster(0);
  EXPECT_EQ(cluster.refused(Command()), ErrorCode::kUnsupported);
  EXPECT_EQ(cluster.state.version(), 1u);
}

TEST(ClusterState, a_view_does_not_change_and_shares_what_stayed_the_same) {
  Cluster cluster(2);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(cluster.apply(create_topic(fmt::format("t{}", i))));
  const ViewPtr before = cluster.state.view();
  EXPECT_EQ(cluster.state.view(), before);
  ASSERT_TRUE(cluster.apply(seal_and_open(*cluster.topic("t7"), 3, 2)));
  const ViewPtr after = cluster.state.view();

  EXPECT_EQ(before->find_topic("t7")->segments.size(), 1u);
  EXPECT_EQ(before->shared_cursor(*before->find_topic("t7")), Offset(0));
  EXPECT_EQ(after->find_topic("t7")->segments.size(), 2u);
  EXPECT_EQ(after->find_topic(before->find_topic("t7")->id), after->find_topic("t7"));
  std::size_t changed = 0;
  for (std::size_t i = 0; i < View::kBuckets; ++i) changed += &before->bucket(i) != &after->bucket(i);
  EXPECT_EQ(changed, 1u);
  EXPECT_EQ(after->topic_count(), 100u);
}

TEST(ClusterState, members_and_voters_are_shown_in_the_view) {
  Cluster cluster(3);
  cluster.state.set_members({{RaftId(1001), NodeId(1), "", MemberRole::kVoter},
                             {RaftId(1002), NodeId(2), "", MemberRole::kStandby},
                             {RaftId(1003), NodeId(3), "", MemberRole::kVoter}});
  const ViewPtr view = cluster.state.view();
  EXPECT_TRUE(view->find_node(NodeId(1))->voter);
  EXPECT_FALSE(view->find_node(NodeId(2))->voter);
  EXPECT_TRUE(view->find_node(NodeId(2))->member);
  EXPECT_TRUE(view->find_node(NodeId(3))->voter);
}

TEST(TopicInfo, finds_the_segment_that_holds_an_offset) {
  Cluster cluster(1);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  for (const std::uint64_t end : {10, 10, 25}) ASSERT_TRUE(cluster.apply(seal_and_open(*cluster.topic("a"), end)));
  const TopicPtr topic = cluster.topic("a");
  EXPECT_EQ(topic->holding(Offset(0))->id, SegmentId(0));
  EXPECT_EQ(topic->holding(Offset(9))->id, SegmentId(0));
  EXPECT_EQ(topic->holding(Offset(10))->id, SegmentId(2));  // segment 1 is empty
  EXPECT_EQ(topic->holding(Offset(24))->id, SegmentId(2));
  EXPECT_EQ(topic->holding(Offset(1'000'000))->id, SegmentId(3));
  EXPECT_EQ(topic->find(SegmentId(1))->base, Offset(10));
  EXPECT_EQ(topic->find(SegmentId(4)), nullptr);
}

/// Any command at all, many of them stale or wrong.
Command random_command(std::mt19937_64& random, ClusterState& state) {
  const auto pick = [&](std::uint64_t below) { return random() % below; };
  const TopicPtr topic = state.view()->find_topic(fmt::format("t{}", pick(20)));
  switch (pick(topic == nullptr ? 4 : 9)) {
    case 0:
      return create_topic(fmt::format("t{}", pick(20)));
    case 1:
      return upsert_node(1 + pick(6), 1 + pick(9));
    case 2:
      return set_node_state(1 + pick(6), 1 + pick(9), static_cast<NodeState>(pick(5) == 0 ? pick(5) : pick(3)));
    case 3: {
      const auto& nodes = state.view()->nodes();
      return nodes.empty() ? create_topic("t0") : confirm_all(*state.view(), nodes.begin()->first);
    }
    case 4:
      return pick(10) == 0 ? delete_topic(*topic) : trim(*topic, pick(500));
    case 5:
      return set_retention(*topic, topic->options_version - pick(2), pick(100));
    case 6:
      return commit_cursor(topic->id, Epoch(topic->last().epoch.value() - pick(2)), pick(500));
    default:
      return seal_and_open(*topic, topic->last().base.value() + pick(50) - pick(3), pick(100));
  }
}

TEST(ClusterState, the_same_commands_give_the_same_bytes_also_across_a_restore) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  ClusterState one, other;
  std::size_t took_effect = 0;
  for (Version index = 1; index <= 5000; ++index) {
    const Command command = random_command(random, one);
    const Status a = one.apply(index, command);
    const Status b = other.apply(index, command);
    ASSERT_EQ(a.has_value(), b.has_value());
    took_effect += a.has_value();
    ASSERT_THAT(one.broken_invariant(), IsEmpty()) << command.ShortDebugString();
    if (index % 500 == 0) {
      ASSERT_EQ(one.snapshot(), other.snapshot());
      ClusterState restored;
      ASSERT_TRUE(restored.restore(one.snapshot()));
      ASSERT_EQ(restored.snapshot(), one.snapshot());
      other = std::move(restored);  // the second half of the run continues from a snapshot
    }
  }
  EXPECT_GT(took_effect, 500u);
  EXPECT_GT(one.view()->topic_count(), 5u);
}

TEST(ClusterState, restore_refuses_what_no_state_can_be_and_stays_as_it_was) {
  Cluster cluster(2);
  ASSERT_TRUE(cluster.apply(create_topic("a")));
  ASSERT_TRUE(cluster.apply(seal_and_open(*cluster.topic("a"), 10)));
  const std::string good = cluster.state.snapshot();
  const auto refused = [&](auto&& damage) {
    Snapshot snapshot;
    EXPECT_TRUE(snapshot.ParseFromString(good));
    damage(snapshot);
    const Status status = cluster.state.restore(snapshot.SerializeAsString());
    EXPECT_FALSE(status);
    EXPECT_EQ(cluster.state.snapshot(), good);
    return status ? ErrorCode::kIo : status.error().code;
  };
  EXPECT_EQ(refused([](Snapshot& s) { s.set_format(2); }), ErrorCode::kUnsupported);
  EXPECT_EQ(refused([](Snapshot& s) { s.mutable_topics(0)->mutable_segments(1)->set_base(11); }), ErrorCode::kCorrupt);
  EXPECT_EQ(refused([](Snapshot& s) { s.mutable_topics(0)->mutable_segments(0)->set_state(0); }), ErrorCode::kCorrupt);
  EXPECT_EQ(refused([](Snapshot& s) { s.mutable_topics(0)->clear_segments(); }), ErrorCode::kCorrupt);
  EXPECT_EQ(refused([](Snapshot& s) { *s.add_topics() = s.topics(0); }), ErrorCode::kCorrupt);
  EXPECT_EQ(refused([](Snapshot& s) { *s.add_nodes() = s.nodes(0); }), ErrorCode::kCorrupt);
  EXPECT_EQ(refused([](Snapshot& s) { s.mutable_nodes(0)->set_state(9); }), ErrorCode::kCorrupt);
  ClusterState other;
  EXPECT_FALSE(other.restore("\xff\xff\xff"));
}

TEST(TopicHash, is_the_same_for_ever) {
  EXPECT_EQ(topic_hash(""), 0xefd01f60ba992926u);
  EXPECT_EQ(topic_hash("logs"), topic_hash(std::string("logs")));
}

}  // namespace
}  // namespace walrus::metadata
