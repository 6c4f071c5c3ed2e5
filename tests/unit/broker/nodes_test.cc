// What nodes that are to go, or have lost their disks, do about topics; and what operators see and say of them.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "broker/node_admin.h"
#include "io/message.h"
#include "peer.pb.h"
#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using namespace std::chrono_literals;
using protocol::Verb;

class NodesTest : public BrokerTest {
 protected:
  NodesTest() : BrokerTest(4), view_(cluster_, loop_), admin_(view_) {}

  metadata::TopicPtr create_replicated(std::uint32_t replicas) {
    metadata::Command command;
    command.mutable_create_topic()->set_name("logs");
    command.mutable_create_topic()->set_replicas(replicas);
    EXPECT_TRUE(cluster_.apply(command).status);
    run();
    return logs();
  }
  metadata::TopicPtr logs() { return cluster_.view()->find_topic("logs"); }
  void set_down(std::uint64_t node) {
    metadata::Command command;
    command.mutable_set_node_state()->set_node_id(node);
    command.mutable_set_node_state()->set_disk_id(metadata::uuid_bytes(Uuid(node, node)));
    command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(metadata::NodeState::kDown));
    ASSERT_TRUE(cluster_.apply(command).status);
  }
  void replace_disk(std::uint64_t node) {
    set_down(node);
    metadata::Command command;
    command.mutable_upsert_node()->set_node_id(node);
    command.mutable_upsert_node()->set_disk_id(metadata::uuid_bytes(Uuid(99, node)));
    command.mutable_upsert_node()->set_raft_id(9900 + node);
    ASSERT_TRUE(cluster_.apply(command).status);
    run();
  }
  Result<std::string> ask(Verb verb, protocol::NodeOptions options = {}) {
    std::optional<Result<std::string>> answer;
    admin_.carry_out({.verb = verb, .topic = {}, .payload = {}, .name = {}, .arguments = options},
                     [&](Result<std::string> result) { answer = std::move(result); });
    run();
    return answer ? std::move(*answer) : fail(ErrorCode::kTimedOut);
  }
  Result<io::Message> call(std::uint64_t from, std::uint64_t to, io::Message message) {
    std::optional<Result<io::Message>> answer;
    node(from).transport.call(NodeId(to), std::move(message), 1s,
                              [&](Result<io::Message> reply) { answer = std::move(reply); });
    settle();
    return answer ? std::move(*answer) : fail(ErrorCode::kTimedOut);
  }
  void monitors_look() {
    world_.run_for(21s);
    settle();
  }

  testing_fakes::FakeMetadataClient view_;
  NodeAdmin admin_;
};

TEST_F(NodesTest, ADrainingNodeGivesAwayWhatItLeadsEvenWhenNobodyAsksForIt) {
  create_replicated(1);
  ASSERT_EQ(logs()->last().leader, NodeId(1));
  ASSERT_TRUE(ask(Verb::kDrain, {.node = NodeId(1)}));
  monitors_look();
  EXPECT_EQ(logs()->last().leader, NodeId(2));
  const std::size_t segments = logs()->segments.size();
  monitors_look();
  EXPECT_EQ(logs()->segments.size(), segments) << "it stays there";
}

TEST_F(NodesTest, ASegmentMovesAwayFromAFollowerThatDrains) {
  create_replicated(3);
  put(1, "logs", "a");
  settle();
  ASSERT_TRUE(ask(Verb::kDrain, {.node = NodeId(3)}));
  monitors_look();
  EXPECT_FALSE(logs()->last().has_replica(NodeId(3)));
}

TEST_F(NodesTest, ANodeWithAFreshDiskAnswersAFenceWithSuspect) {
  create_replicated(3);
  replace_disk(2);
  peer::Fence fence;
  fence.set_topic_id(logs()->id.value());
  fence.set_epoch(cluster_.view()->version() + 1);
  const auto reply = call(3, 2, io::make_message(peer::FENCE, fence));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(io::parse_header<peer::FenceReply>(*reply, peer::FENCE_REPLY)->suspect());
  const auto sound = call(2, 3, io::make_message(peer::FENCE, fence));
  ASSERT_TRUE(sound);
  EXPECT_FALSE(io::parse_header<peer::FenceReply>(*sound, peer::FENCE_REPLY)->suspect());
}

TEST_F(NodesTest, ANodeWithAFreshDiskTakesNothingOfASegmentThatWasOpenBefore) {
  create_replicated(3);
  replace_disk(2);
  peer::Replicate replicate;
  replicate.set_topic_id(logs()->id.value());
  replicate.set_epoch(logs()->last().epoch.value());
  const auto reply = call(1, 2, io::make_message(peer::REPLICATE, replicate));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kConflict);
}

TEST_F(NodesTest, ALeaderWithAFreshDiskDoesNotBeginAnew) {
  create_replicated(1);
  replace_disk(1);
  put(1, "logs", "a");
  settle();
  EXPECT_TRUE(client_->answers.empty()) << "the record would take the offset of one that was acknowledged";
  EXPECT_EQ(segment(1, *logs(), 0), nullptr);
}

TEST_F(NodesTest, AreListedWithWhatTheyHold) {
  create_replicated(3);
  ASSERT_TRUE(ask(Verb::kDrain, {.node = NodeId(2)}));
  set_down(3);
  const auto answer = ask(Verb::kNodes);
  ASSERT_TRUE(answer);
  const auto nodes = nlohmann::json::parse(*answer);
  ASSERT_EQ(nodes.size(), 4u);
  EXPECT_EQ(nodes[0].at("segments_led"), 1);
  EXPECT_EQ(nodes[0].at("state"), "up");
  EXPECT_EQ(nodes[1].at("replicas_held"), 1);
  EXPECT_EQ(nodes[1].at("draining"), true);
  EXPECT_EQ(nodes[2].at("state"), "down");
  EXPECT_EQ(nodes[3].at("replicas_held"), 0);
}

TEST_F(NodesTest, AreRemovedWhenTheyAreNotNeeded) {
  create_replicated(1);
  EXPECT_EQ(ask(Verb::kRemove, {.node = NodeId(7)}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ask(Verb::kRemove, {.node = NodeId(1)}).error().code, ErrorCode::kRefused) << "it leads the only replica";
  EXPECT_TRUE(ask(Verb::kRemove, {.node = NodeId(4)}));
  EXPECT_EQ(cluster_.view()->find_node(NodeId(4))->state, metadata::NodeState::kRemoved);
}

}  // namespace
}  // namespace walrus::broker
