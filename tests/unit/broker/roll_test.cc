// The roll: segments end at their limit, leaders take turns, and no client notices.

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using namespace std::chrono_literals;
using protocol::Verb;

class RollTest : public BrokerTest {
 protected:
  RollTest() : BrokerTest(3, 10) {}

  /// Puts `count` numbered records round robin at the three nodes, a few under way at a time.
  void put_numbered(int count) {
    for (int i = 0; i < count; ++i) {
      put(1 + static_cast<std::size_t>(i % 3), "logs", std::to_string(i));
      if (i % 4 == 3) settle();
    }
    settle();
    world_.run_for(1s);
    settle();
  }
  std::vector<std::string> drain(std::size_t at) {
    std::vector<std::string> payloads;
    for (int i = 0; i < 10'000; ++i) {
      client_ = std::make_shared<Client>();
      next_slot_ = 0;
      get(at, "logs");
      settle();
      if (client_->answers.at(0) == "EMPTY") break;
      payloads.push_back(client_->answers.at(0).substr(3));
    }
    return payloads;
  }
};

TEST_F(RollTest, NoClientSeesAnErrorAndLeadersTakeTurns) {
  create("logs");
  put_numbered(95);
  EXPECT_EQ(replies(), Replies(95, "OK"));
  const auto topic = cluster_.view()->find_topic("logs");
  ASSERT_GE(topic->segments.size(), 9u);
  Offset next(0);
  for (std::size_t i = 0; i < topic->segments.size(); ++i) {
    EXPECT_EQ(topic->segments[i].base, next);
    EXPECT_EQ(topic->segments[i].leader, NodeId(1 + i % 3));
    if (!topic->segments[i].sealed()) break;
    EXPECT_LE(topic->segments[i].end - next, 10u);
    next = topic->segments[i].end;
  }
}

TEST_F(RollTest, EveryRecordIsReadOnceThroughAnyNode) {
  create("logs");
  put_numbered(57);
  const auto payloads = drain(2);
  const std::set<std::string> unique(payloads.begin(), payloads.end());
  EXPECT_EQ(payloads.size(), 57u);
  EXPECT_EQ(unique.size(), 57u);
}

TEST_F(RollTest, OrderOfOneNodesPutsIsKeptAcrossRolls) {
  create("logs");
  for (int i = 0; i < 200; ++i) {
    put(2, "logs", std::to_string(i));
    if (i % 7 == 0) run();
    if (i % 11 == 0) settle();
  }
  settle();
  world_.run_for(1s);
  settle();
  ASSERT_EQ(replies(), Replies(200, "OK"));
  const auto payloads = drain(3);
  ASSERT_EQ(payloads.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(payloads[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(RollTest, CarriesTheExactCursorToTheNextLeader) {
  const auto topic = create("logs");
  for (int i = 0; i < 8; ++i) put(1, "logs", std::to_string(i));
  settle();
  for (int i = 0; i < 5; ++i) get(1, "logs");
  settle();
  put_numbered(6);  // rolls
  ASSERT_GT(cluster_.view()->find_topic("logs")->segments.size(), 1u);
  EXPECT_EQ(cluster_.view()->shared_cursor(*topic), Offset(5));
  client_ = std::make_shared<Client>();
  get(3, "logs");
  settle();
  EXPECT_EQ(client_->replies(), Replies{"OK 5"});
}

TEST_F(RollTest, ProposesAgainWhenTheAnswerOfTheRollIsLost) {
  create("logs");
  node(1).metadata.lose_next_answer({ErrorCode::kOutcomeUnknown, "the Raft leader changed"});
  put_numbered(25);
  EXPECT_EQ(replies(), Replies(25, "OK"));
  EXPECT_EQ(drain(1).size(), 25u);
}

TEST_F(RollTest, WaitsWhileTheRollCannotBeProposedAndThenGoesOn) {
  create("logs");
  for (int i = 0; i < 10; ++i) put(1, "logs", "x");
  node(1).metadata.fail_proposals(Error{ErrorCode::kUnavailable, "no Raft leader"});
  settle();
  put(2, "logs", "held");
  world_.run_for(500ms);
  EXPECT_EQ(replies(), Replies(10, "OK"));
  node(1).metadata.fail_proposals({});
  world_.run_for(1s);
  settle();
  EXPECT_EQ(replies(), Replies(11, "OK"));
}

TEST_F(RollTest, StateWaitsForTheNextSegmentWhichMayHaveRecordsAlready) {
  create("logs");
  for (int i = 0; i < 10; ++i) put(1, "logs", "x");
  node(1).metadata.fail_proposals(Error{ErrorCode::kUnavailable, "no Raft leader"});
  settle();
  for (const std::size_t number : {std::size_t{1}, std::size_t{2}}) submit(number, Verb::kState, "logs");
  settle();
  EXPECT_EQ(replies(), Replies(10, "OK"));
  node(1).metadata.fail_proposals({});
  world_.run_for(1s);
  settle();
  ASSERT_EQ(replies().size(), 12u);
  for (const std::uint64_t slot : {10u, 11u}) {
    EXPECT_NE(client_->answers.at(slot).find(R"("segment_id":1)"), std::string::npos) << client_->answers.at(slot);
  }
}

TEST_F(RollTest, NothingIsAppendedWhileTheFateOfTheRollIsUnknown) {
  const auto topic = create("logs");
  for (int i = 0; i < 10; ++i) put(1, "logs", "x");
  node(1).metadata.fail_proposals(Error{ErrorCode::kOutcomeUnknown, "?"});
  settle();
  put(1, "logs", "held");
  settle();
  EXPECT_EQ(segment(1, *topic, 0)->end(), Offset(10));
}

TEST_F(RollTest, TheMonitorRollsWhatIsFull) {
  // A limit that was lowered with a restart: the segment is full before anything is appended to it.
  const auto topic = create("logs");
  const auto opened = node(1).store.open_segment({topic->id, SegmentId(0)}, Offset(0));
  ASSERT_TRUE(opened);
  storage::BatchBuilder builder;
  for (int i = 0; i < 30; ++i) builder.add("x", 1);
  ASSERT_TRUE((*opened)->append(SharedBytes(builder.finish(Offset(0)))));
  node(1).store.sync();
  submit(1, Verb::kState, "logs");
  settle();
  EXPECT_EQ(cluster_.view()->find_topic("logs")->segments.size(), 1u);
  world_.run_for(limits::kMonitorInterval + 1s);
  settle();
  EXPECT_EQ(cluster_.view()->find_topic("logs")->segments.size(), 2u);
}

}  // namespace
}  // namespace walrus::broker
