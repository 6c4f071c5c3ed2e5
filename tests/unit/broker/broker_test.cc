#include "broker/broker.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using namespace std::chrono_literals;
using protocol::Verb;

TEST_F(BrokerTest, SaysSoWhenTheClusterIsNotFormed) {
  testing_fakes::FakeMetadata nothing;
  BrokerNode lonely(loop_, nothing, network_, NodeId(9), 1000);
  lonely.broker.submit({.verb = Verb::kGet, .topic = "logs", .payload = {}}, client_, 0);
  EXPECT_EQ(replies(), Replies{"ERR raft cluster not initialized"});
}

TEST_F(BrokerTest, RegistersATopicAndAgain) {
  submit(1, Verb::kRegister, "logs");
  run();
  submit(2, Verb::kRegister, "logs");
  run();
  EXPECT_EQ(replies(), (Replies{"OK", "OK"}));
}

TEST_F(BrokerTest, RegistersATopicAnewThatWasDeletedElsewhereAMomentAgo) {
  const metadata::TopicPtr old = create("logs");
  node(2).metadata.hold_back(true);
  metadata::Command command;
  command.mutable_delete_topic()->set_topic_id(old->id.value());
  ASSERT_TRUE(cluster_.apply(command).status);
  submit(2, Verb::kRegister, "logs");
  run();
  EXPECT_EQ(replies(), (Replies{"OK"}));
  const metadata::TopicPtr now = cluster_.view()->find_topic("logs");
  ASSERT_NE(now, nullptr);
  EXPECT_NE(now->id, old->id);
}

TEST_F(BrokerTest, AnswersAPutOnlyWhenItIsDurable) {
  const auto topic = create("logs");
  put(1, "logs", "one");
  run();
  EXPECT_TRUE(replies().empty());
  segment(1, *topic, 0)->sync();
  EXPECT_EQ(replies(), Replies{"OK"});
}

TEST_F(BrokerTest, PutsThatArriveTogetherBecomeOneBatch) {
  const auto topic = create("logs");
  for (int i = 0; i < 50; ++i) put(1, "logs", "x");
  run();
  std::size_t batches = 0;
  segment(1, *topic, 0)->read(Offset(0), Offset(50), 1 << 20, [&](Result<storage::Batches> found) {
    batches = found->size();
  });
  EXPECT_EQ(batches, 1u);
  settle();
  EXPECT_EQ(replies(), Replies(50, "OK"));
}

TEST_F(BrokerTest, PutsThatArriveWhileTheLogIsBusyBecomeOneBatch) {
  const auto topic = create("logs");
  node(1).store.set_writable(false);
  for (int i = 0; i < 10; ++i) {
    put(1, "logs", "x");
    run();
  }
  EXPECT_EQ(node(1).store.size(), 0u);
  node(1).store.set_writable(true);
  settle();
  EXPECT_EQ(replies(), Replies(10, "OK"));
  std::size_t batches = 0;
  segment(1, *topic, 0)->read(Offset(0), Offset(10), 1 << 20, [&](Result<storage::Batches> found) {
    batches = found->size();
  });
  EXPECT_EQ(batches, 1u);
}

TEST_F(BrokerTest, AnyNodeTakesPutsAndGetsForATopicLedElsewhere) {
  create("logs");  // led by node 1
  put(2, "logs", "one");
  put(2, "logs", "two");
  settle();
  get(2, "logs");
  get(2, "logs");
  get(2, "logs");
  settle();
  EXPECT_EQ(replies(), (Replies{"OK", "OK", "OK one", "OK two", "EMPTY"}));
}

TEST_F(BrokerTest, AllNodesShareOneCursor) {
  create("logs");
  for (const char* payload : {"a", "b", "c"}) put(1, "logs", payload);
  settle();
  for (const std::size_t at : {1, 2, 1, 2}) {
    get(at, "logs");
    settle();
  }
  EXPECT_EQ(replies(), (Replies{"OK", "OK", "OK", "OK a", "OK b", "OK c", "EMPTY"}));
}

TEST_F(BrokerTest, SaysTopicNotFoundOnlyAfterMakingSure) {
  put(1, "nowhere", "x");
  run();
  EXPECT_EQ(replies(), Replies{"ERR topic not found"});
}

TEST_F(BrokerTest, FindsATopicThatItsViewDoesNotHaveYet) {
  node(2).metadata.hold_back(true);
  create("logs");
  put(2, "logs", "x");
  settle();
  EXPECT_EQ(replies(), Replies{"OK"});
}

TEST_F(BrokerTest, ALeaderWhoseViewIsBehindCatchesUpBeforeItAnswers) {
  node(1).metadata.hold_back(true);
  create("logs");
  put(2, "logs", "x");
  run();
  EXPECT_TRUE(replies().empty());
  node(1).metadata.hold_back(false);
  settle();
  EXPECT_EQ(replies(), Replies{"OK"});
}

TEST_F(BrokerTest, HoldsRequestsWhileTheLeaderCannotBeReachedAndKeepsTheirOrder) {
  create("logs");
  network_.cut(NodeId(1));
  for (const char* payload : {"a", "b", "c"}) {
    put(2, "logs", payload);
    run();
  }
  EXPECT_TRUE(replies().empty());
  network_.heal(NodeId(1));
  world_.run_for(1s);
  settle();
  for (int i = 0; i < 3; ++i) get(2, "logs");
  settle();
  EXPECT_EQ(replies(), (Replies{"OK", "OK", "OK", "OK a", "OK b", "OK c"}));
}

TEST_F(BrokerTest, GivesUpOnAnUnreachableLeaderWithASureNo) {
  create("logs");
  network_.cut(NodeId(1));
  put(2, "logs", "x");
  get(2, "logs");
  submit(2, Verb::kState, "logs");
  world_.run_for(limits::kHeldRequestTimeout + 1s);
  ASSERT_EQ(replies().size(), 3u);
  for (const std::string& reply : replies()) EXPECT_TRUE(reply.starts_with("ERR timed out: not carried out")) << reply;
}

TEST_F(BrokerTest, CallsALostAnswerUnknownAndDoesNotSendItAgain) {
  create("logs");
  network_.lose_next_reply(NodeId(1));
  put(2, "logs", "x");
  settle();
  ASSERT_EQ(replies().size(), 1u);
  EXPECT_TRUE(replies()[0].starts_with("ERR outcome unknown")) << replies()[0];
  get(1, "logs");
  get(1, "logs");
  settle();
  EXPECT_EQ(replies()[1], "OK x");
  EXPECT_EQ(replies()[2], "EMPTY");
}

TEST_F(BrokerTest, SaysThatTheOutcomeIsUnknownWhenTheDiskFails) {
  const auto topic = create("logs");
  put(1, "logs", "x");
  run();
  segment(1, *topic, 0)->poison();
  ASSERT_EQ(replies().size(), 1u);
  EXPECT_TRUE(replies()[0].starts_with("ERR outcome unknown")) << replies()[0];
}

TEST_F(BrokerTest, MovesATopicAwayFromAFailedDisk) {
  const auto topic = create("logs");
  put(1, "logs", "kept");
  settle();
  put(1, "logs", "lost");
  run();
  segment(1, *topic, 0)->poison();
  settle();
  const auto after = cluster_.view()->find_topic("logs");
  ASSERT_EQ(after->segments.size(), 2u);
  EXPECT_EQ(after->segments[0].end, Offset(1));
  EXPECT_EQ(after->last().leader, NodeId(2));
  put(1, "logs", "goes on");
  settle();
  EXPECT_EQ(replies().back(), "OK");
}

TEST_F(BrokerTest, TellsADiskThatIsFull) {
  const auto topic = create("logs");
  put(1, "logs", "opens the segment");
  settle();
  segment(1, *topic, 0)->refuse_appends(fail(ErrorCode::kDiskFull, "no space"));
  put(1, "logs", "x");
  put(2, "logs", "y");
  settle();
  EXPECT_EQ(replies(), (Replies{"OK", "ERR disk full: no space", "ERR disk full: no space"}));
  segment(1, *topic, 0)->refuse_appends({});
  put(2, "logs", "z");
  settle();
  EXPECT_EQ(replies().back(), "OK");
}

TEST_F(BrokerTest, DescribesATopicFromAnyNode) {
  const auto topic = create("logs");
  for (int i = 0; i < 3; ++i) put(1, "logs", "x");
  settle();
  get(1, "logs");
  settle();
  submit(2, Verb::kState, "logs");
  settle();
  const std::string expected =
      R"(OK {"topic":"logs","segments":[{"segment_id":0,"leader_node":1,"sealed":false,"entry_count":3,)"
      R"("base_offset":0,"epoch":)" +
      std::to_string(topic->last().epoch.value()) +
      R"(,"replicas":[1]}],"cursor_position":1,"total_entries":3,"fsync":"always","start_offset":0})";
  EXPECT_EQ(replies().back(), expected);
}

TEST_F(BrokerTest, CommitsTheCursorWithinItsIntervalAndThenFallsSilent) {
  const auto topic = create("logs");
  for (int i = 0; i < 5; ++i) put(1, "logs", "x");
  settle();
  get(1, "logs");
  get(1, "logs");
  settle();
  EXPECT_EQ(cluster_.view()->shared_cursor(*topic), Offset(0));
  world_.run_for(limits::kCursorFlushInterval + 1ms);
  EXPECT_EQ(cluster_.view()->shared_cursor(*topic), Offset(2));
  const std::size_t proposals = node(1).metadata.proposals();
  world_.run_for(5s);
  EXPECT_EQ(node(1).metadata.proposals(), proposals);
}

TEST_F(BrokerTest, CommitsTheExactCursorWhenItStops) {
  const auto topic = create("logs");
  for (int i = 0; i < 5; ++i) put(1, "logs", "x");
  settle();
  for (int i = 0; i < 3; ++i) get(1, "logs");
  settle();
  bool stopped = false;
  node(1).broker.stop(1s, [&](const Status& status) { stopped = status.has_value(); });
  settle();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(cluster_.view()->shared_cursor(*topic), Offset(3));
}

TEST_F(BrokerTest, RefusesNewRequestsWhileItStops) {
  create("logs");
  node(1).broker.stop(1s, [](const Status&) {});
  put(1, "logs", "x");
  settle();
  ASSERT_EQ(replies().size(), 1u);
  EXPECT_TRUE(replies()[0].starts_with("ERR shutting down: not carried out")) << replies()[0];
}

}  // namespace
}  // namespace walrus::broker
