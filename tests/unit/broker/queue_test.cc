// Work queues: a group hands its records out one by one, and again until they are done.
#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "protocol/record.h"
#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using namespace std::chrono_literals;
using protocol::QueueArguments;
using protocol::Verb;

struct Job {
  std::uint32_t tries;
  std::uint64_t offset;
  std::string value;
  friend bool operator==(const Job&, const Job&) = default;
};
void PrintTo(const Job& job, std::ostream* out) { *out << job.tries << "/" << job.offset << "/" << job.value; }
using Jobs = std::vector<Job>;

class QueueTest : public BrokerTest {
 protected:
  explicit QueueTest(std::uint64_t segment_entries = 10) : BrokerTest(3, segment_entries) {}

  std::uint64_t ask(std::size_t at, Verb verb, QueueArguments what) {
    node(at).broker.submit({.verb = verb, .topic = "jobs", .payload = {}, .name = "w", .arguments = std::move(what)},
                           client_, next_slot_);
    node(at).broker.flush();
    return next_slot_++;
  }
  Jobs jobs_in(std::uint64_t slot) const {
    const std::string text = reply(slot);
    EXPECT_TRUE(text.starts_with("OK ")) << text;
    std::string_view rest(text);
    rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    Jobs jobs;
    while (rest.size() >= sizeof(std::uint32_t)) {
      const auto tries = load_little<std::uint32_t>(rest.data());
      rest.remove_prefix(sizeof tries);
      const auto record = protocol::take_record(rest);
      if (!record) return {};
      jobs.push_back({tries, record->place->offset.value(), std::string(record->value)});
    }
    return jobs;
  }
  Jobs lease(std::size_t at, std::uint32_t max = 1, std::uint32_t visible_ms = 1000) {
    const auto slot = ask(at, Verb::kLease, {.visible_ms = visible_ms, .bounds = {.records = max}});
    settle();
    return jobs_in(slot);
  }
  std::string ack(std::size_t at, std::uint64_t offset) {
    return now(ask(at, Verb::kAck, {.spans = {{offset, offset}}}));
  }
  std::string nack(std::size_t at, std::uint64_t offset, std::uint32_t tries, std::uint32_t delay_ms) {
    return now(ask(at, Verb::kNack, {.spans = {{offset, offset}}, .tries = tries, .delay_ms = delay_ms}));
  }
  void seek_to_the_start(std::size_t at) {
    node(at).broker.submit({.verb = Verb::kSeek,
                            .topic = "jobs",
                            .payload = {},
                            .name = "w",
                            .arguments = protocol::GroupArguments{.place = {protocol::Place::Kind::kEarliest}}},
                           client_, next_slot_);
    node(at).broker.flush();
    EXPECT_EQ(now(next_slot_++), "OK 0");
  }
  void put_numbers(int from, int to) {
    for (int i = from; i < to; ++i) put(1, "jobs", std::to_string(i));
    settle();
    world_.run_for(1s);
    settle();
  }
  metadata::GroupInfo stored() {
    const auto groups = cluster_.view()->groups(*cluster_.view()->find_topic("jobs"));
    const auto found = groups->find("w");
    return found == groups->end() ? metadata::GroupInfo{} : found->second;
  }
};

TEST_F(QueueTest, EachRecordGoesToOneWorkerThroughAnyNode) {
  create("jobs");
  put_numbers(0, 25);
  std::set<std::uint64_t> seen;
  for (std::size_t i = 0; i < 40 && seen.size() < 25; ++i) {
    for (const Job& job : lease(1 + i % 3, 2)) {
      EXPECT_EQ(job.tries, 1u);
      EXPECT_TRUE(seen.insert(job.offset).second) << job.offset << " went to two workers";
      EXPECT_EQ(job.value, std::to_string(job.offset));
    }
  }
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_EQ(lease(1), Jobs{});
}

TEST_F(QueueTest, WhatIsNotAcknowledgedInTimeComesAgainWithItsCount) {
  create("jobs");
  put_numbers(0, 2);
  EXPECT_EQ(lease(1, 1, 500), (Jobs{{1, 0, "0"}}));
  EXPECT_EQ(lease(2, 1, 500), (Jobs{{1, 1, "1"}}));
  EXPECT_EQ(ack(3, 1), "OK");
  EXPECT_EQ(lease(2), Jobs{});
  world_.run_for(600ms);
  EXPECT_EQ(lease(2), (Jobs{{2, 0, "0"}}));
  EXPECT_EQ(ack(1, 0), "OK");
  EXPECT_EQ(stored().offset, Offset(2));
}

TEST_F(QueueTest, AnAcknowledgementIsKnownToRaftWhenAnswered) {
  create("jobs");
  put_numbers(0, 4);
  lease(1, 4);
  EXPECT_EQ(ack(2, 2), "OK");
  ASSERT_NE(stored().queue, nullptr);
  EXPECT_EQ(stored().offset, Offset(0));
  EXPECT_EQ(stored().queue->done, (std::vector<metadata::OffsetRange>{{Offset(2), Offset(3)}}));
  EXPECT_EQ(now(ask(1, Verb::kAck, {.spans = {{0, 1}, {3, 3}}})), "OK");
  EXPECT_EQ(stored().offset, Offset(4));
  EXPECT_TRUE(stored().queue->done.empty());
}

TEST_F(QueueTest, AWorkerThatWaitsGetsWhatComesAndWhatComesAgain) {
  create("jobs");
  const auto first = ask(2, Verb::kLease, {.visible_ms = 1000, .bounds = {.records = 1}, .wait_ms = 60'000});
  world_.run_for(100ms);
  EXPECT_EQ(reply(first), "(none)");
  put_numbers(0, 1);
  EXPECT_EQ(jobs_in(first), (Jobs{{1, 0, "0"}}));
  const auto second = ask(3, Verb::kLease, {.bounds = {.records = 1}, .wait_ms = 60'000});
  world_.run_for(1100ms);
  settle();
  EXPECT_EQ(jobs_in(second), (Jobs{{2, 0, "0"}})) << "the first worker has not answered in time";
}

TEST_F(QueueTest, ARecordThatFailedComesAgainAfterItsDelay) {
  create("jobs");
  put_numbers(0, 2);
  lease(1);
  EXPECT_EQ(nack(2, 0, 1, 5000), "OK");
  EXPECT_EQ(lease(1), (Jobs{{1, 1, "1"}}));
  world_.run_for(4s);
  EXPECT_EQ(lease(3), (Jobs{{2, 1, "1"}})) << "its lease of a second has run out";
  world_.run_for(1500ms);
  EXPECT_EQ(lease(3), (Jobs{{2, 0, "0"}}));
  EXPECT_EQ(nack(1, 0, 1, 0),
            "ERR conflict: the state has changed: the record is not on lease, or with another worker by now");
}

TEST_F(QueueTest, ARecordWhoseTriesAreUsedUpGoesToTheDeadLetterTopic) {
  create("jobs");
  put_numbers(0, 2);
  EXPECT_EQ(now(ask(2, Verb::kQueue, {.max_tries = 2, .dead_topic = "dead"})), "OK");
  lease(1);
  EXPECT_EQ(nack(1, 0, 1, 0), "OK");
  EXPECT_EQ(lease(1), (Jobs{{2, 0, "0"}}));
  EXPECT_EQ(nack(1, 0, 2, 0), "OK");
  world_.run_for(1s);
  settle();
  world_.run_for(1s);
  settle();
  EXPECT_EQ(stored().offset, Offset(1)) << "it is taken care of";
  get(2, "dead");
  settle();
  EXPECT_EQ(replies().back(), "OK 0");
  EXPECT_EQ(lease(1), (Jobs{{1, 1, "1"}}));
}

TEST_F(QueueTest, OneInFlightIsInOrder) {
  create("jobs");
  put_numbers(0, 3);
  EXPECT_EQ(now(ask(1, Verb::kQueue, {.in_flight = 1})), "OK");
  EXPECT_EQ(lease(1, 10, 60'000), (Jobs{{1, 0, "0"}}));
  EXPECT_EQ(lease(2, 10), Jobs{});
  EXPECT_EQ(nack(1, 0, 0, 0), "OK");
  EXPECT_EQ(lease(2, 10, 60'000), (Jobs{{2, 0, "0"}}));
  EXPECT_EQ(ack(2, 0), "OK");
  EXPECT_EQ(lease(3, 10), (Jobs{{1, 1, "1"}}));
}

TEST_F(QueueTest, ARollGivesWhatWasWithWorkersAgainAndNothingThatIsDone) {
  create("jobs");
  put_numbers(0, 9);
  EXPECT_EQ(lease(1, 9, 60'000).size(), 9u);
  for (const std::uint64_t offset : {0, 1, 4, 7}) EXPECT_EQ(ack(1, offset), "OK");
  EXPECT_EQ(nack(1, 2, 1, 0), "OK");
  put_numbers(9, 12);
  ASSERT_GE(cluster_.view()->find_topic("jobs")->segments.size(), 2u);
  std::map<std::uint64_t, std::uint32_t> again;
  for (int i = 0; i < 20; ++i) {
    for (const Job& job : lease(2, 10, 60'000)) again[job.offset] = job.tries;
  }
  EXPECT_EQ(again,
            (std::map<std::uint64_t, std::uint32_t>{{2, 2}, {3, 1}, {5, 1}, {6, 1}, {8, 1}, {9, 1}, {10, 1}, {11, 1}}));
}

TEST_F(QueueTest, AWorkerCanAskForMoreTime) {
  create("jobs");
  put_numbers(0, 1);
  lease(1, 1, 500);
  EXPECT_EQ(now(ask(2, Verb::kExtend, {.spans = {{0, 0}}, .tries = 1, .visible_ms = 5000})), "OK");
  world_.run_for(4s);
  EXPECT_EQ(lease(2), Jobs{});
  world_.run_for(2s);
  EXPECT_EQ(lease(2), (Jobs{{2, 0, "0"}}));
}

TEST_F(QueueTest, ALeaseThatDoesNotWaitIsAnsweredThoughAnotherOneHasTheOnlyRecord) {
  create("jobs");
  put_numbers(0, 11);
  EXPECT_EQ(now(ask(1, Verb::kQueue, {.in_flight = 1})), "OK");
  world_.run_for(1s);
  const auto leader = static_cast<std::size_t>(cluster_.view()->find_topic("jobs")->last().leader.value());
  network_.hold_replies();  // what is read for the first comes from another node
  const auto first = ask(leader, Verb::kLease, {.bounds = {.records = 1}});
  const auto second = ask(leader, Verb::kLease, {.bounds = {.records = 1}});
  settle();
  ASSERT_EQ(reply(first), "(none)");
  network_.release_replies();
  settle();
  EXPECT_EQ(jobs_in(first), (Jobs{{1, 0, "0"}}));
  world_.run_for(1100ms);
  EXPECT_EQ(jobs_in(second), Jobs{});
}

TEST_F(QueueTest, ABoundOfTriesThatIsSetLaterIsOneForWhatHasFailedBefore) {
  create("jobs");
  put_numbers(0, 1);
  lease(1);
  EXPECT_EQ(nack(1, 0, 1, 0), "OK");
  EXPECT_EQ(now(ask(2, Verb::kQueue, {.max_tries = 1, .dead_topic = "dead"})), "OK");
  world_.run_for(1s);
  settle();
  EXPECT_EQ(stored().offset, Offset(1));
  get(2, "dead");
  settle();
  EXPECT_EQ(replies().back(), "OK 0");
}

TEST_F(QueueTest, ARecordThatASeekAsksForIsGivenThoughItsBurialIsUnderWay) {
  create("jobs");
  create("dead");
  put_numbers(0, 2);
  const NodeId leader = cluster_.view()->find_topic("jobs")->last().leader;
  const NodeId other = cluster_.view()->find_topic("dead")->last().leader;
  ASSERT_NE(leader, other);
  const std::size_t at = leader.value();
  EXPECT_EQ(now(ask(at, Verb::kQueue, {.max_tries = 1, .dead_topic = "dead"})), "OK");
  network_.cut(other);
  lease(at);
  EXPECT_EQ(nack(at, 0, 1, 0), "OK");
  seek_to_the_start(at);
  network_.heal(other);
  world_.run_for(2s);
  settle();
  EXPECT_EQ(lease(at), (Jobs{{1, 0, "0"}}));
}

TEST_F(QueueTest, SeekBeginsAnew) {
  create("jobs");
  put_numbers(0, 3);
  lease(1, 3, 60'000);
  ack(1, 0);
  seek_to_the_start(1);
  EXPECT_EQ(lease(1, 1), (Jobs{{1, 0, "0"}}));
}

class LargeQueueTest : public QueueTest {
 protected:
  LargeQueueTest() : QueueTest(20'000) {}
};

TEST_F(LargeQueueTest, AcknowledgementsThatGoTogetherStayWithinWhatANodeTakes) {
  const NodeId leader = create("jobs")->last().leader;
  const std::size_t other = leader == NodeId(1) ? 2 : 1;
  put_numbers(0, 12'000);
  const auto first = ask(other, Verb::kAck, {.spans = {{0, 5'999}}});
  const auto second = ask(other, Verb::kAck, {.spans = {{6'000, 11'999}}});
  settle();
  EXPECT_EQ(reply(first), "OK");
  EXPECT_EQ(reply(second), "OK");
  EXPECT_EQ(stored().offset, Offset(12'000));
}

TEST_F(QueueTest, IsNoPlainGroupAnyMore) {
  create("jobs");
  put_numbers(0, 1);
  lease(1);
  node(1).broker.submit({.verb = Verb::kRead, .topic = "jobs", .payload = {}, .name = "w"}, client_, next_slot_);
  node(1).broker.flush();
  EXPECT_EQ(now(next_slot_++), "ERR invalid argument: the group is a work queue: LEASE gives its records");
}

}  // namespace
}  // namespace walrus::broker
