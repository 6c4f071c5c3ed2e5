// FETCH: reads without a cursor, through any node, and waiting for what is not there yet.
#include <gtest/gtest.h>

#include <charconv>

#include "protocol/record.h"
#include "storage/record_batch.h"
#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using namespace std::chrono_literals;
using protocol::Verb;
using Kind = protocol::Place::Kind;
using Form = protocol::ReadBounds::Form;

/// A reply to FETCH, taken apart.
struct Fetched {
  std::uint64_t first = 0, count = 0, next = 0, end = 0;
  std::string body;
  std::vector<std::string> values() const {
    std::vector<std::string> values;
    std::string_view rest = body;
    std::uint64_t offset = first;
    while (!rest.empty()) {
      const auto record = protocol::take_record(rest);
      EXPECT_TRUE(record && record->place) << "malformed record";
      if (!record) break;
      EXPECT_EQ(record->place->offset, Offset(offset++));
      values.emplace_back(record->value);
    }
    return values;
  }
};

class FetchTest : public BrokerTest {
 protected:
  FetchTest() : BrokerTest(3, 10) {}

  std::uint64_t fetch(std::size_t at, std::string_view topic, protocol::FetchArguments what) {
    node(at).broker.submit({.verb = Verb::kFetch, .topic = topic, .payload = {}, .arguments = what}, client_,
                           next_slot_);
    node(at).broker.flush();
    return next_slot_++;
  }
  Fetched fetched(std::uint64_t slot) const {
    const std::string text = reply(slot);
    EXPECT_TRUE(text.starts_with("OK ")) << text;
    const auto line = text.find('\n');
    if (!text.starts_with("OK ") || line == std::string::npos) return {};
    Fetched result;
    const char* at = text.data() + 3;
    for (std::uint64_t* number : {&result.first, &result.count, &result.next, &result.end}) {
      at = std::from_chars(at, text.data() + line, *number).ptr + 1;
    }
    result.body = text.substr(line + 1);
    return result;
  }
  void put_numbers(int from, int to) {
    for (int i = from; i < to; ++i) {
      put(1, "logs", std::to_string(i));
      if (i % 3 == 2) settle();
    }
    settle();
    world_.run_for(1s);
    settle();
  }
  static std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> texts;
    for (int i = from; i < to; ++i) texts.push_back(std::to_string(i));
    return texts;
  }
};

TEST_F(FetchTest, GivesTheRecordsFromAnOffsetOnAndMovesNoCursor) {
  create("logs");
  put_numbers(0, 6);
  const auto slot = fetch(1, "logs", {.from = {Kind::kOffset, 2}});
  settle();
  const Fetched got = fetched(slot);
  EXPECT_EQ(got.values(), numbers(2, 6));
  EXPECT_EQ(got.first, 2u);
  EXPECT_EQ(got.count, 4u);
  EXPECT_EQ(got.next, 6u);
  EXPECT_EQ(got.end, 6u);
  get(1, "logs");
  settle();
  EXPECT_EQ(replies().back(), "OK 0");
}

TEST_F(FetchTest, WalksAllSegmentsThroughAnyNode) {
  create("logs");
  put_numbers(0, 45);
  ASSERT_GE(cluster_.view()->find_topic("logs")->segments.size(), 4u);
  for (std::size_t at = 1; at <= 3; ++at) {
    std::vector<std::string> values;
    std::uint64_t next = 0;
    for (int i = 0; i < 100 && values.size() < 45; ++i) {
      const auto slot = fetch(at, "logs", {.from = {Kind::kOffset, next}});
      settle();
      const Fetched got = fetched(slot);
      ASSERT_GT(got.count, 0u);
      ASSERT_EQ(got.first, next);
      for (const std::string& value : got.values()) values.push_back(value);
      next = got.next;
    }
    EXPECT_EQ(values, numbers(0, 45)) << "through node " << at;
  }
}

TEST_F(FetchTest, KeepsToItsBounds) {
  create("logs");
  put_numbers(0, 9);
  const auto three = fetch(1, "logs", {.from = {Kind::kOffset, 1}, .bounds = {.records = 3}});
  const auto little = fetch(1, "logs", {.from = {Kind::kOffset, 1}, .bounds = {.bytes = 1}});
  settle();
  EXPECT_EQ(fetched(three).values(), numbers(1, 4));
  EXPECT_EQ(fetched(three).next, 4u);
  EXPECT_EQ(fetched(little).values(), numbers(1, 2)) << "one record is given in any case";
}

TEST_F(FetchTest, HandsOutStoredBatchesAsTheyAre) {
  const auto topic = create("logs");
  put_numbers(0, 6);
  const auto slot = fetch(2, "logs", {.from = {Kind::kOffset, 4}, .bounds = {.form = Form::kBatches}});
  settle();
  std::string stored;
  segment(1, *topic, 0)->read(Offset(4), Offset(6), 1 << 20, [&](Result<storage::Batches> batches) {
    for (const SharedBytes& batch : *batches) stored += batch.view();
  });
  const Fetched got = fetched(slot);
  EXPECT_EQ(got.body, stored);
  EXPECT_EQ(got.first, 4u);
  EXPECT_EQ(got.next, 6u);
}

TEST_F(FetchTest, SaysWhereTheTopicEndsAndBegins) {
  const auto topic = create("logs");
  put_numbers(0, 25);
  metadata::Command trim;
  trim.mutable_trim_topic()->set_topic_id(topic->id.value());
  trim.mutable_trim_topic()->set_before(25);
  ASSERT_TRUE(cluster_.apply(trim).status);
  run();
  const std::uint64_t start = cluster_.view()->find_topic("logs")->start().value();
  ASSERT_GT(start, 0u);
  const auto behind = fetch(2, "logs", {.from = {Kind::kOffset, 26}});
  const auto before = fetch(2, "logs", {.from = {Kind::kOffset, 0}});
  const auto at_end = fetch(2, "logs", {.from = {Kind::kOffset, 25}});
  const auto latest = fetch(2, "logs", {.from = {Kind::kLatest}});
  const auto earliest = fetch(2, "logs", {.from = {Kind::kEarliest}, .bounds = {.records = 1}});
  settle();
  EXPECT_EQ(reply(behind), "ERR offset out of range: the topic ends at 25");
  EXPECT_EQ(reply(before), "ERR offset out of range: the topic begins at " + std::to_string(start));
  EXPECT_EQ(reply(at_end), "OK 25 0 25 25\n");
  EXPECT_EQ(reply(latest), "OK 25 0 25 25\n");
  EXPECT_EQ(fetched(earliest).first, start);
}

TEST_F(FetchTest, FindsTheFirstRecordThatIsNotOlder) {
  create("logs");
  put_numbers(0, 25);
  const std::int64_t between = loop_.wall_ms() + 500;
  world_.run_for(1s);
  put_numbers(25, 45);
  for (std::size_t at = 1; at <= 3; ++at) {
    const auto slot = fetch(at, "logs", {.from = {Kind::kTime, static_cast<std::uint64_t>(between)}});
    const auto future = fetch(at, "logs", {.from = {Kind::kTime, static_cast<std::uint64_t>(between) + 1'000'000}});
    settle();
    EXPECT_EQ(fetched(slot).first, 25u) << "through node " << at;
    EXPECT_EQ(reply(future), "OK 45 0 45 45\n");
  }
}

TEST_F(FetchTest, OfAnUnknownTopicIsRefused) {
  const auto slot = fetch(1, "nothing", {});
  settle();
  EXPECT_EQ(reply(slot), "ERR topic not found");
}

TEST_F(FetchTest, WaitsForARecordAndGetsItOnlyOnceItIsDurable) {
  const auto topic = create("logs");
  for (std::size_t at = 1; at <= 3; ++at) {
    const std::uint64_t next = at - 1;
    const auto slot = fetch(at, "logs", {.from = {Kind::kOffset, next}, .wait_ms = 60'000});
    world_.run_for(100ms);
    put(1, "logs", "new");
    world_.run_for(100ms);
    EXPECT_EQ(reply(slot), "(none)") << "through node " << at;
    settle();
    EXPECT_EQ(fetched(slot).values(), Replies{"new"}) << "through node " << at;
  }
}

TEST_F(FetchTest, ThatWaitsInVainIsAnsweredWithNothing) {
  create("logs");
  const auto slot = fetch(2, "logs", {.from = {Kind::kLatest}, .wait_ms = 1'000});
  world_.run_for(900ms);
  EXPECT_EQ(reply(slot), "(none)");
  world_.run_for(200ms);
  EXPECT_EQ(reply(slot), "OK 0 0 0 0\n");
}

TEST_F(FetchTest, WaitsLongerThanOneQuestionIsHeld) {
  create("logs");
  const auto slot = fetch(2, "logs", {.from = {Kind::kLatest}, .wait_ms = 120'000});
  world_.run_for(limits::kWatchHold * 2 + 1s);
  EXPECT_EQ(reply(slot), "(none)");
  put(2, "logs", "late");
  settle();
  EXPECT_EQ(fetched(slot).values(), Replies{"late"});
}

TEST_F(FetchTest, WaitsAcrossARoll) {
  create("logs");
  put_numbers(0, 9);
  const auto slot = fetch(3, "logs", {.from = {Kind::kOffset, 10}, .wait_ms = 60'000});
  settle();
  EXPECT_EQ(reply(slot), "ERR offset out of range: the topic ends at 9");
  put_numbers(9, 10);  // the segment is full and rolls
  ASSERT_EQ(cluster_.view()->find_topic("logs")->segments.size(), 2u);
  const auto waiting = fetch(3, "logs", {.from = {Kind::kOffset, 10}, .wait_ms = 60'000});
  world_.run_for(100ms);
  put_numbers(10, 11);
  EXPECT_EQ(fetched(waiting).values(), numbers(10, 11));
  const auto next = fetch(3, "logs", {.from = {Kind::kOffset, 11}, .wait_ms = 60'000});
  put_numbers(11, 30);
  EXPECT_FALSE(fetched(next).values().empty());
}

TEST_F(FetchTest, TenThousandReadersWaitBehindOneQuestionAndAreServedFromOneRead) {
  create("logs");
  constexpr std::size_t kReaders = 10'000;
  std::vector<std::uint64_t> slots;
  for (std::size_t i = 0; i < kReaders; ++i) {
    slots.push_back(fetch(2, "logs", {.from = {Kind::kOffset, 0}, .wait_ms = 60'000}));
  }
  settle();
  const std::size_t calls = network_.calls();
  world_.run_for(10s);
  EXPECT_EQ(network_.calls(), calls) << "nothing is asked while they wait";
  put(1, "logs", "news");
  settle();
  for (const auto slot : slots) ASSERT_EQ(fetched(slot).values(), Replies{"news"});
  EXPECT_LE(network_.calls() - calls, 3u);
}

TEST_F(FetchTest, ThatWaitsIsAnsweredWhenTheNodeStops) {
  create("logs");
  const auto slot = fetch(1, "logs", {.from = {Kind::kLatest}, .wait_ms = 60'000});
  settle();
  bool stopped = false;
  node(1).broker.stop(1s, [&](const Status&) { stopped = true; });
  settle();
  EXPECT_EQ(reply(slot), "ERR shutting down: not carried out");
  EXPECT_TRUE(stopped);
}

TEST_F(FetchTest, IsTriedAgainWhileTheLeaderCannotBeReached) {
  create("logs");
  put_numbers(0, 3);
  network_.cut_from(NodeId(2), NodeId(1));
  const auto slot = fetch(2, "logs", {.from = {Kind::kOffset, 0}});
  world_.run_for(1s);
  EXPECT_EQ(reply(slot), "(none)");
  world_.run_for(6s);
  EXPECT_TRUE(reply(slot).starts_with("ERR timed out: not carried out")) << reply(slot);
}

}  // namespace
}  // namespace walrus::broker
