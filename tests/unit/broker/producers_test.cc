// Idempotent producers as clients see them: a write that is tried again is there once, whatever became of the first
// try.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/record.h"
#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using namespace std::chrono_literals;
using protocol::Verb;

class ProducersTest : public BrokerTest {
 protected:
  ProducersTest() : BrokerTest(3, 10) { create("logs"); }

  /// The answer to PRODUCER, as a stamp with the first sequence.
  ProducerStamp hello(std::size_t at, std::string_view name) {
    const std::uint64_t slot = next_slot_++;
    node(at).broker.submit({.verb = Verb::kProducer, .topic = {}, .payload = {}, .name = name, .arguments = {}},
                           client_, slot);
    settle();
    const std::string answer = client_->answers.at(slot);
    const auto request = protocol::parse_request("MPUT logs 1 producer=" + answer.substr(3) + ":0\n" + body(1));
    EXPECT_TRUE(request) << answer;
    return request ? *request->get<protocol::WriteOptions>().producer : ProducerStamp{};
  }
  static std::string body(std::uint32_t records) {
    std::string bytes;
    for (std::uint32_t i = 0; i < records; ++i) {
      EXPECT_TRUE(protocol::append_record(bytes, {.place = {}, .key = {}, .headers = {}, .value = "x"}));
    }
    return bytes;
  }
  std::uint64_t send(std::size_t at, const ProducerStamp& stamp, std::uint32_t records = 1) {
    const std::string bytes = body(records);
    const protocol::WriteOptions options{.records = records, .expected_end = {}, .token = {}, .producer = stamp};
    node(at).broker.submit({.verb = Verb::kMput, .topic = "logs", .payload = bytes, .name = {}, .arguments = options},
                           client_, next_slot_);
    node(at).broker.flush();
    return next_slot_++;
  }
  std::string write(std::size_t at, const ProducerStamp& stamp, std::uint32_t records = 1) {
    const std::uint64_t slot = send(at, stamp, records);
    wait();
    return client_->answers.contains(slot) ? client_->answers.at(slot) : "no answer";
  }
  /// Long enough for what is tried again.
  void wait() {
    for (int i = 0; i < 40; ++i) {
      settle();
      world_.run_for(20ms);
    }
  }
  static ProducerStamp at(ProducerStamp stamp, std::uint32_t sequence) {
    stamp.sequence = sequence;
    return stamp;
  }
  std::size_t leader() { return static_cast<std::size_t>(cluster_.view()->find_topic("logs")->last().leader.value()); }
  std::size_t segments() { return cluster_.view()->find_topic("logs")->segments.size(); }
};

TEST_F(ProducersTest, EachInstanceOfANameGetsItsOwnEpoch) {
  const ProducerStamp first = hello(1, "billing");
  const ProducerStamp second = hello(2, "billing");
  const ProducerStamp other = hello(3, "shipping");
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(second.epoch, first.epoch + 1);
  EXPECT_NE(other.id, first.id);
}

TEST_F(ProducersTest, ARepeatedWriteIsAnsweredAsTheFirstTimeThroughAnyNode) {
  const ProducerStamp stamp = hello(1, "billing");
  EXPECT_EQ(write(1, at(stamp, 0), 2), "OK 0");
  EXPECT_EQ(write(2, at(stamp, 2), 1), "OK 2");
  for (const std::size_t node : {1u, 2u, 3u}) {
    EXPECT_EQ(write(node, at(stamp, 0), 2), "OK 0");
    EXPECT_EQ(write(node, at(stamp, 2), 1), "OK 2");
  }
  EXPECT_EQ(write(3, at(stamp, 3), 1), "OK 3");
}

TEST_F(ProducersTest, AGapAndAMadeUpProducerAreRefused) {
  const ProducerStamp stamp = hello(1, "billing");
  EXPECT_EQ(write(1, at(stamp, 0)), "OK 0");
  EXPECT_EQ(write(1, at(stamp, 2)), "ERR out of sequence: 1 is the next");
  ProducerStamp nobody = stamp;
  nobody.id = ProducerId(stamp.id.value() + 1);
  EXPECT_EQ(write(2, nobody), "ERR unknown producer: start again with PRODUCER");
  ProducerStamp from_the_future = stamp;
  ++from_the_future.epoch;
  EXPECT_EQ(write(2, from_the_future), "ERR unknown producer: start again with PRODUCER");
  EXPECT_EQ(write(2, at(stamp, 1)), "OK 1");
}

TEST_F(ProducersTest, AnOlderInstanceIsFenced) {
  const ProducerStamp old = hello(1, "billing");
  EXPECT_EQ(write(1, at(old, 0)), "OK 0");
  const ProducerStamp young = hello(2, "billing");
  EXPECT_EQ(write(1, at(old, 1)), "ERR producer fenced: a newer instance has its name");
  EXPECT_EQ(write(2, at(young, 0)), "OK 1");
}

TEST_F(ProducersTest, ANodeThatHasNotHeardOfTheProducerAsksBeforeItRefuses) {
  node(2).metadata.hold_back(true);
  const ProducerStamp stamp = hello(1, "billing");
  EXPECT_EQ(write(2, at(stamp, 0)), "OK 0");
}

TEST_F(ProducersTest, ALostAnswerIsRepairedByTheNodeItself) {
  const ProducerStamp stamp = hello(1, "billing");
  EXPECT_EQ(write(1, at(stamp, 0)), "OK 0");
  const std::size_t other = leader() == 2 ? 3 : 2;
  network_.lose_next_reply(NodeId(leader()));
  EXPECT_EQ(write(other, at(stamp, 1), 3), "OK 1");
  EXPECT_EQ(write(1, at(stamp, 4)), "OK 4");
}

TEST_F(ProducersTest, ARepetitionIsAnsweredOnlyOnceTheFirstTryIsCommitted) {
  const ProducerStamp stamp = hello(1, "billing");
  EXPECT_EQ(write(leader(), at(stamp, 0)), "OK 0");
  const std::uint64_t first = send(leader(), at(stamp, 1));
  const std::uint64_t again = send(leader(), at(stamp, 1));
  run();
  EXPECT_FALSE(client_->answers.contains(first));
  EXPECT_FALSE(client_->answers.contains(again));
  settle();
  EXPECT_EQ(client_->answers.at(first), "OK 1");
  EXPECT_EQ(client_->answers.at(again), "OK 1");
}

/// F15 on one topic: across every roll the writes of before are known.
TEST_F(ProducersTest, AWriteIsRecognizedAcrossRolls) {
  const ProducerStamp stamp = hello(1, "billing");
  for (std::uint32_t i = 0; i < 60; ++i) {
    const std::string answer = "OK " + std::to_string(i);
    ASSERT_EQ(write(1 + i % 3, at(stamp, i)), answer);
    ASSERT_EQ(write(1 + (i + 1) % 3, at(stamp, i)), answer) << "tried again";
    if (i > 2) {
      ASSERT_EQ(write(1 + i % 3, at(stamp, i - 2)), "OK " + std::to_string(i - 2)) << "an older one";
    }
  }
  EXPECT_GE(segments(), 6u);
}

TEST_F(ProducersTest, APipelineOfWritesGoesAcrossARollInOrder) {
  const ProducerStamp stamp = hello(1, "billing");
  std::vector<std::uint64_t> slots;
  for (std::uint32_t i = 0; i < 50; ++i) slots.push_back(send(2, at(stamp, i)));
  wait();
  for (std::uint32_t i = 0; i < 50; ++i) EXPECT_EQ(client_->answers[slots[i]], "OK " + std::to_string(i));
}

TEST_F(ProducersTest, PlainPutsBetweenThemDoNotDisturb) {
  const ProducerStamp stamp = hello(1, "billing");
  for (std::uint32_t i = 0; i < 20; ++i) {
    put(1, "logs", "plain");
    wait();
    EXPECT_EQ(write(1, at(stamp, i)), "OK " + std::to_string(2 * i + 1));
  }
}

TEST_F(ProducersTest, WhatCannotBeReadIsNotGuessed) {
  const ProducerStamp stamp = hello(1, "billing");
  const std::size_t old_leader = leader();
  for (std::uint32_t i = 0; i < 10; ++i) ASSERT_EQ(write(1, at(stamp, i)), "OK " + std::to_string(i));
  ASSERT_NE(leader(), old_leader);
  network_.cut(NodeId(old_leader));  // the only holder
  const std::uint64_t slot = send(leader(), at(stamp, 9));
  wait();
  EXPECT_FALSE(client_->answers.contains(slot));
  network_.heal(NodeId(old_leader));
  for (int i = 0; i < 3; ++i) wait();
  EXPECT_EQ(client_->answers[slot], "OK 9");
}

TEST_F(ProducersTest, OnesSilentForTooLongAskForANewEpoch) {
  const ProducerStamp silent = hello(1, "silent");
  EXPECT_EQ(write(1, at(silent, 0)), "OK 0");
  for (std::size_t i = 0; segments() <= limits::kProducerWindowSegments + 1; ++i) {
    ASSERT_LT(i, 2000u);
    put(1, "logs", "x");
    if (i % 10 == 9) wait();
  }
  EXPECT_EQ(write(1, at(silent, 1)), "ERR unknown producer: start again with PRODUCER");
  EXPECT_EQ(write(1, at(silent, 0)), "ERR unknown producer: start again with PRODUCER") << "would be there twice";
  const ProducerStamp again = hello(1, "silent");
  EXPECT_TRUE(write(1, at(again, 0)).starts_with("OK "));
}

class Fences : public ProducersTest {
 protected:
  std::string fence(std::size_t at, std::uint64_t token) {
    const std::uint64_t slot = next_slot_++;
    node(at).broker.submit(
        {.verb = Verb::kFence, .topic = "logs", .payload = {}, .name = {}, .arguments = protocol::Token{token}},
        client_, slot);
    node(at).broker.flush();
    wait();
    return client_->answers.contains(slot) ? client_->answers.at(slot) : "no answer";
  }
  std::string write_with_token(std::size_t at, std::uint64_t token) {
    const std::string bytes = body(1);
    const protocol::WriteOptions options{.records = 1, .expected_end = {}, .token = token, .producer = {}};
    node(at).broker.submit({.verb = Verb::kMput, .topic = "logs", .payload = bytes, .name = {}, .arguments = options},
                           client_, next_slot_);
    node(at).broker.flush();
    wait();
    return client_->answers.at(next_slot_++);
  }
};

TEST_F(Fences, KeepLowerTokensOutFromTheOffsetTold) {
  EXPECT_EQ(write_with_token(1, 5), "OK 0");
  EXPECT_EQ(fence(2, 7), "OK 1");
  for (const std::size_t node : {1u, 2u, 3u}) {
    EXPECT_EQ(write_with_token(node, 6), "ERR fenced: the topic asks for a higher token: at least 7");
  }
  EXPECT_EQ(write_with_token(1, 7), "OK 1");
  EXPECT_EQ(write_with_token(2, 8), "OK 2");
}

TEST_F(Fences, OnlyGoUp) {
  EXPECT_EQ(fence(1, 7), "OK 0");
  EXPECT_EQ(fence(2, 7), "OK 0");
  EXPECT_EQ(fence(3, 6), "ERR fenced: the topic asks for a higher token: at least 7");
}

TEST_F(Fences, DoNotConcernWritesWithoutAToken) {
  EXPECT_EQ(fence(1, 7), "OK 0");
  put(1, "logs", "x");
  wait();
  EXPECT_EQ(replies().back(), "OK");
}

TEST_F(Fences, AreKnownToALeaderWhoseViewIsLate) {
  const std::size_t other = leader() == 1 ? 2 : 1;
  node(leader()).metadata.hold_back(true);
  const std::uint64_t slot = next_slot_++;
  node(other).broker.submit(
      {.verb = Verb::kFence, .topic = "logs", .payload = {}, .name = {}, .arguments = protocol::Token{7}}, client_,
      slot);
  node(other).broker.flush();
  settle();
  EXPECT_FALSE(client_->answers.contains(slot)) << "the leader may still take lower tokens";
  node(leader()).metadata.hold_back(false);
  wait();
  EXPECT_EQ(client_->answers.at(slot), "OK 0");
}

TEST_F(Fences, AreNotForTopicsThatAreNotThere) {
  node(1).broker.submit(
      {.verb = Verb::kFence, .topic = "none", .payload = {}, .name = {}, .arguments = protocol::Token{7}}, client_, 0);
  node(1).broker.flush();
  settle();
  EXPECT_EQ(replies(), (Replies{"ERR topic not found"}));
}

}  // namespace
}  // namespace walrus::broker
