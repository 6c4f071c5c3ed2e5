// Segments of three replicas whose leader is lost: another node finds the end, the topic goes on, and the old leader is
// no danger. Brokers, replicas and takeover of three nodes over fakes.
#include "controller/takeover.h"

#include <gtest/gtest.h>

#include "metadata/uuid_bytes.h"
#include "storage/record_batch.h"
#include "tests/unit/broker/broker_fixture.h"

namespace walrus::controller {
namespace {

using namespace std::chrono_literals;
using broker::Client;
using broker::Replies;

class TakeoverTest : public broker::BrokerTest {
 protected:
  TakeoverTest() : BrokerTest(3) {
    for (std::size_t number = 1; number <= 3; ++number) {
      // Each has a view of its own; the fake's client has one watcher, and the broker is it.
      views_.push_back(std::make_unique<testing_fakes::FakeMetadataClient>(cluster_, loop_));
      takeovers_.push_back(std::make_unique<Takeover>(loop_, node(number).transport, *views_.back(),
                                                      node(number).broker.replicas(), NodeId(number),
                                                      [](std::string_view) { return true; }));
      takeovers_.back()->start();
    }
    metadata::Command command;
    command.mutable_create_topic()->set_name("logs");
    command.mutable_create_topic()->set_replicas(3);
    EXPECT_TRUE(cluster_.apply(command).status);
    run();
  }

  metadata::TopicPtr logs() { return cluster_.view()->find_topic("logs"); }
  /// What a client has of it: the replies since the last call.
  Replies puts(std::size_t at, std::initializer_list<std::string_view> payloads) {
    client_ = std::make_shared<Client>();
    next_slot_ = 0;
    for (const std::string_view payload : payloads) put(at, "logs", payload);
    settle();
    return replies();
  }
  void begin_seal(std::uint64_t recoverer, Epoch expected_seal_epoch = Epoch()) {
    metadata::Command command;
    metadata::BeginSeal& begin = *command.mutable_begin_seal();
    begin.set_topic_id(logs()->id.value());
    begin.set_segment_id(logs()->last().id.value());
    begin.set_epoch(logs()->last().epoch.value());
    begin.set_expected_seal_epoch(expected_seal_epoch.value());
    begin.set_recoverer(recoverer);
    ASSERT_TRUE(cluster_.apply(command).status);
    settle();
  }
  void settle_for(io::Duration duration) {
    for (io::Duration done{}; done < duration; done += 50ms) {
      world_.run_for(50ms);
      settle();
    }
  }

  std::vector<std::unique_ptr<testing_fakes::FakeMetadataClient>> views_;
  std::vector<std::unique_ptr<Takeover>> takeovers_;
};

TEST_F(TakeoverTest, ATopicGoesOnWithoutItsLeader) {
  ASSERT_EQ(puts(2, {"a", "b"}), Replies(2, "OK"));
  network_.cut(NodeId(1));
  begin_seal(2);
  ASSERT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(logs()->segments[0].end, Offset(2));
  EXPECT_EQ(logs()->segments[0].replicas, (std::vector{NodeId(2), NodeId(3)})) << "the holders that were seen";
  EXPECT_EQ(puts(3, {"c"}), Replies(1, "OK"));
  EXPECT_EQ(segment(2, *logs(), 0)->hash(), segment(3, *logs(), 0)->hash());
  EXPECT_EQ(logs()->segments[0].hash, segment(3, *logs(), 0)->hash());
}

TEST_F(TakeoverTest, ALeaderThatWasFencedAcknowledgesNothingMore) {
  ASSERT_EQ(puts(1, {"a"}), Replies(1, "OK"));
  node(1).metadata.hold_back(true);  // it knows of nothing
  views_[0]->hold_back(true);
  network_.cut(NodeId(1));
  begin_seal(2);
  ASSERT_EQ(logs()->segments.size(), 2u);
  const Replies late = puts(1, {"late"});
  ASSERT_EQ(late.size(), 1u);
  EXPECT_TRUE(late[0].starts_with("ERR ")) << late[0];
  EXPECT_EQ(logs()->segments[0].end, Offset(1));
}

TEST_F(TakeoverTest, ALeaderThatWasReplacedDoesNotSayEmpty) {
  ASSERT_EQ(puts(1, {"a"}), Replies(1, "OK"));
  get(1, "logs");
  settle();
  node(1).metadata.hold_back(true);  // it knows of nothing, and is reached by nobody
  views_[0]->hold_back(true);
  network_.cut(NodeId(1));
  begin_seal(2);
  ASSERT_EQ(puts(3, {"b"}), Replies(1, "OK"));
  client_ = std::make_shared<Client>();
  next_slot_ = 0;
  get(1, "logs");
  settle_for(500ms);
  EXPECT_EQ(replies(), Replies{}) << "it cannot know";
  node(1).metadata.hold_back(false);
  views_[0]->hold_back(false);
  network_.heal(NodeId(1));
  settle_for(1s);
  ASSERT_EQ(replies().size(), 1u);
  // The cursor's last steps died with the leader: delivered again, never skipped.
  EXPECT_TRUE(replies()[0] == "OK a" || replies()[0] == "OK b") << replies()[0];
}

TEST_F(TakeoverTest, AFollowerThatIsLeftBehindIsLeftOut) {
  ASSERT_EQ(puts(1, {"a"}), Replies(1, "OK"));
  network_.cut(NodeId(3));
  ASSERT_EQ(puts(1, {"b"}), Replies(1, "OK"));
  settle_for(2 * limits::kFollowerPatience + 500ms);
  ASSERT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(logs()->segments[0].end, Offset(2));
  EXPECT_EQ(logs()->segments[0].replicas, (std::vector{NodeId(1), NodeId(2)}));
  EXPECT_EQ(logs()->last().leader, NodeId(2));
}

TEST_F(TakeoverTest, ARestartedLeaderAsksForASealInsteadOfGoingOn) {
  ASSERT_EQ(puts(1, {"a", "b"}), Replies(2, "OK"));
  // Another life on the same disk: its promise is there.
  broker::BrokerOptions options{.self = NodeId(1)};
  broker::ShardDirectory directory;
  broker::Broker reborn(loop_, node(1).store, node(1).metadata, node(1).transport, directory, options);
  directory.shards = {{&loop_, &reborn}};
  reborn.submit({.verb = protocol::Verb::kPut, .topic = "logs", .payload = "c"}, client_, next_slot_++);
  reborn.flush();
  settle_for(500ms);
  EXPECT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(logs()->segments[0].end, Offset(2));
  EXPECT_EQ(replies(), Replies(3, "OK"));
  reborn.stop(1s, [](const Status&) {});
  settle();
}

TEST_F(TakeoverTest, ALeaderWithoutAQuorumHandsOver) {
  ASSERT_EQ(puts(1, {"a"}), Replies(1, "OK"));
  // The leader reaches nobody, the others reach each other: its own calls are lost, not theirs.
  for (const std::uint64_t number : {2u, 3u}) network_.cut_from(NodeId(1), NodeId(number));
  client_ = std::make_shared<Client>();
  next_slot_ = 0;
  put(1, "logs", "unknown");
  settle_for(limits::kQuorumPatience + 500ms);
  ASSERT_EQ(replies().size(), 1u);
  EXPECT_TRUE(replies()[0].starts_with("ERR ")) << replies()[0];
  ASSERT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(logs()->last().leader, NodeId(2));
  EXPECT_EQ(puts(3, {"c"}), Replies(1, "OK"));
}

/// With two replicas the leader is never a quorum again, and nobody else can find the end.
TEST_F(TakeoverTest, ALeaderWhoseOnlyFollowerHasLostItsDiskFindsTheEndItself) {
  metadata::Command command;
  command.mutable_create_topic()->set_name("two");
  command.mutable_create_topic()->set_replicas(2);
  ASSERT_TRUE(cluster_.apply(command).status);
  const auto two = [this] { return cluster_.view()->find_topic("two"); };
  const std::uint64_t leader = two()->last().leader.value();
  const std::uint64_t follower = two()->last().replicas.back().value();
  client_ = std::make_shared<Client>();
  next_slot_ = 0;
  put(leader, "two", "a");
  settle();
  ASSERT_EQ(replies(), Replies(1, "OK"));
  network_.cut(NodeId(follower));
  metadata::Command down;
  down.mutable_set_node_state()->set_node_id(follower);
  down.mutable_set_node_state()->set_disk_id(metadata::uuid_bytes(Uuid(follower, follower)));
  down.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(metadata::NodeState::kDown));
  ASSERT_TRUE(cluster_.apply(down).status);
  metadata::Command replaced;
  replaced.mutable_upsert_node()->set_node_id(follower);
  replaced.mutable_upsert_node()->set_disk_id(metadata::uuid_bytes(Uuid(77, 77)));
  replaced.mutable_upsert_node()->set_raft_id(1077);
  ASSERT_TRUE(cluster_.apply(replaced).status);
  put(leader, "two", "of unknown fate");
  settle_for(limits::kQuorumPatience + 500ms);
  ASSERT_GE(two()->segments.size(), 2u);
  EXPECT_GE(two()->segments[0].end, Offset(1));
  EXPECT_EQ(two()->segments[0].replicas, std::vector{NodeId(leader)});
}

/// A node that missed the seal and came back many segments later.
TEST_F(TakeoverTest, AReplicaThatWasAwayIsCutAtTheEndHoweverOldTheSegmentIs) {
  ASSERT_EQ(puts(1, {"a"}), Replies(1, "OK"));
  ASSERT_EQ(segment(3, *logs(), 0)->end(), Offset(1));
  const storage::SegmentKey first{logs()->id, SegmentId(0)};
  takeovers_[2].reset();
  for (int rolls = 0; rolls < 4; ++rolls) {
    metadata::Command roll;
    metadata::SealAndOpen& seal = *roll.mutable_seal_and_open();
    seal.set_topic_id(logs()->id.value());
    seal.set_segment_id(logs()->last().id.value());
    seal.set_epoch(logs()->last().epoch.value());
    seal.set_end(1);
    for (const std::uint64_t holder : {1, 2, 3}) seal.add_holders(holder);
    ASSERT_TRUE(cluster_.apply(roll).status);
  }
  storage::BatchBuilder builder;
  builder.add("beyond the end", 1);
  ASSERT_TRUE(node(3).store.find(first)->append(SharedBytes(builder.finish(Offset(1)))));
  settle();
  takeovers_[2] = std::make_unique<Takeover>(loop_, node(3).transport, *views_[2], node(3).broker.replicas(), NodeId(3),
                                             [](std::string_view) { return true; });
  takeovers_[2]->start();
  settle();
  EXPECT_EQ(node(3).store.find(first)->end(), Offset(1));
}

TEST_F(TakeoverTest, ALeaderWhoseDiskFailsHandsOver) {
  ASSERT_EQ(puts(1, {"a"}), Replies(1, "OK"));
  segment(1, *logs(), 0)->poison();
  settle_for(500ms);
  ASSERT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(logs()->segments[0].end, Offset(1));
  EXPECT_EQ(puts(1, {"b"}), Replies(1, "OK"));
}

TEST_F(TakeoverTest, ARecovererWhoseOwnReplicaIsOfNoUseHandsOver) {
  ASSERT_EQ(puts(1, {"a"}), Replies(1, "OK"));
  segment(2, *logs(), 0)->poison();
  begin_seal(2);
  settle_for(500ms);
  ASSERT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(logs()->segments[0].end, Offset(1));
}

TEST_F(TakeoverTest, ARecovererWhoseSourceIsGoneStartsAnew) {
  // Node 2 has all, node 3 is behind, and is to find the end; then node 2 is gone before it could be copied from.
  network_.cut(NodeId(3));
  ASSERT_EQ(puts(1, {"a", "b"}), Replies(2, "OK"));
  network_.heal(NodeId(3));
  network_.lose_next_reply(NodeId(2));
  network_.cut(NodeId(1));
  begin_seal(3);
  settle_for(4s);
  ASSERT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(logs()->segments[0].end, Offset(2));
}

}  // namespace
}  // namespace walrus::controller
