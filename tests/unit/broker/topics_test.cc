// What operators see and say of topics, and what becomes of clients whose topic goes.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "broker/topic_admin.h"
#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using nlohmann::json;
using protocol::Verb;

class TopicsTest : public BrokerTest {
 protected:
  explicit TopicsTest(std::uint64_t segment_entries = 1000)
      : BrokerTest(2, segment_entries), view_(cluster_, loop_), admin_(view_) {}

  /// A request as a client writes it.
  Result<std::string> ask(std::string_view text) {
    const auto request = protocol::parse_request(text);
    if (!request) return fail(request.error());
    EXPECT_TRUE(TopicAdmin::is_ours(request->verb));
    std::optional<Result<std::string>> answer;
    admin_.carry_out(*request, [&](Result<std::string> result) { answer = std::move(result); });
    run();
    return answer ? std::move(*answer) : fail(ErrorCode::kTimedOut);
  }
  json ask_json(std::string_view text) { return json::parse(ask(text).value()); }

  testing_fakes::FakeMetadataClient view_;
  TopicAdmin admin_;
};

class SmallSegments : public TopicsTest {
 protected:
  SmallSegments() : TopicsTest(2) {}
  void fill(std::string_view topic, int records) {
    for (int i = 0; i < records; ++i) {
      put(1, topic, "record");
      settle();
    }
  }
};

std::vector<std::string> names(const json& topics) {
  std::vector<std::string> all;
  for (const json& topic : topics.at("topics")) all.push_back(topic.at("topic"));
  return all;
}

TEST_F(TopicsTest, AreListedInTheOrderOfTheirNamesInPages) {
  EXPECT_TRUE(names(ask_json("TOPICS")).empty());
  for (const char* name : {"pears", "apples", "figs", "nuts"}) create(name);
  const json all = ask_json("TOPICS");
  EXPECT_EQ(names(all), (Replies{"apples", "figs", "nuts", "pears"}));
  EXPECT_EQ(all.at("more"), false);
  EXPECT_EQ(all.at("total"), 4);
  const json first = ask_json("TOPICS max=3");
  EXPECT_EQ(names(first), (Replies{"apples", "figs", "nuts"}));
  EXPECT_EQ(first.at("more"), true);
  const json rest = ask_json("TOPICS max=3 after=nuts");
  EXPECT_EQ(names(rest), Replies{"pears"});
  EXPECT_EQ(rest.at("more"), false);
}

TEST_F(TopicsTest, APageOfVeryManyIsTheSameAsThatOfASortedList) {
  std::vector<std::string> all;
  all.reserve(700);
  for (int i = 0; i < 700; ++i) all.push_back("topic-" + std::to_string(i * 7919 % 10'007));
  for (const auto& name : all) create(name);
  std::ranges::sort(all);
  std::vector<std::string> seen;
  for (json page = ask_json("TOPICS max=64");; page = ask_json("TOPICS max=64 after=" + seen.back())) {
    std::ranges::copy(names(page), std::back_inserter(seen));
    if (!page.at("more")) break;
  }
  EXPECT_EQ(seen, all);
}

TEST_F(TopicsTest, AreChangedByNameAndShowIt) {
  create("logs");
  EXPECT_EQ(ask("ALTER logs retention_ms=60000 segment_entries=500 fsync=interval:20").value(), "");
  const json options = ask_json("DESCRIBE logs").at("options");
  EXPECT_EQ(options.at("retention_ms"), 60'000);
  EXPECT_EQ(options.at("segment_entries"), 500);
  EXPECT_EQ(options.at("fsync"), "interval:20");
  EXPECT_EQ(options.at("retention_bytes"), nullptr);
  EXPECT_EQ(ask("ALTER logs retention_ms=0 fsync=default").value(), "");
  const json again = ask_json("DESCRIBE logs").at("options");
  EXPECT_EQ(again.at("retention_ms"), nullptr);
  EXPECT_EQ(again.at("fsync"), nullptr);
  EXPECT_EQ(again.at("segment_entries"), 500);
}

TEST_F(TopicsTest, TwoChangesAtATimeBothTakeEffect) {
  create("logs");
  int answered = 0;
  for (const char* text :
       {"ALTER logs retention_ms=1", "ALTER logs retention_bytes=2", "ALTER logs retention_records=3"}) {
    admin_.carry_out(*protocol::parse_request(text), [&](const Result<std::string>& done) {
      EXPECT_TRUE(done);
      ++answered;
    });
  }
  run();
  ASSERT_EQ(answered, 3);
  const auto options = cluster_.view()->find_topic("logs")->options;
  EXPECT_EQ(options.retention_ms, 1U);
  EXPECT_EQ(options.retention_bytes, 2U);
  EXPECT_EQ(options.retention_records, 3U);
}

TEST_F(TopicsTest, ThatAreNotThereAreNotFound) {
  for (const char* text : {"DESCRIBE absent", "ALTER absent replicas=1", "TRIM absent 5", "DELETE absent"}) {
    const auto answer = ask(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code, ErrorCode::kTopicNotFound) << text;
  }
}

TEST_F(SmallSegments, LoseTheirOldestWholeSegmentsToATrim) {
  create("logs");
  fill("logs", 5);
  ASSERT_EQ(ask_json("DESCRIBE logs").at("segments").size(), 3U);
  EXPECT_EQ(ask("TRIM logs 3").value(), "2") << "the segment with record 3 stays";
  const json trimmed = ask_json("DESCRIBE logs");
  EXPECT_EQ(trimmed.at("segments").size(), 2U);
  EXPECT_EQ(trimmed.at("start_offset"), 2);
  EXPECT_EQ(ask("TRIM logs 0").value(), "2");
  EXPECT_EQ(ask("TRIM logs 1000000").value(), "4") << "the open segment stays";
}

TEST_F(SmallSegments, TheSharedCursorMovesUpToWhatATrimLeaves) {
  create("logs");
  for (const char* record : {"a", "b", "c", "d", "e"}) {
    put(1, "logs", record);
    settle();
  }
  get(1, "logs");
  settle();
  ASSERT_EQ(replies().back(), "OK a");
  ASSERT_EQ(ask("TRIM logs 2").value(), "2");
  get(1, "logs");
  get(2, "logs");
  settle();
  EXPECT_EQ(replies()[6], "OK c");
  EXPECT_EQ(replies()[7], "OK d");
}

TEST_F(TopicsTest, WhoWaitsForADeletedTopicIsToldThatItIsGone) {
  const auto topic = create("logs");
  put(1, "logs", "first");
  settle();
  ASSERT_EQ(replies(), Replies{"OK"});
  // The leader's disk is slow: what is appended waits.
  put(2, "logs", "second");
  run();
  ASSERT_EQ(replies().size(), 1U);
  EXPECT_EQ(ask("DELETE logs").value(), "");
  world_.run_for(std::chrono::seconds(10));
  settle();
  ASSERT_EQ(replies().size(), 2U);
  EXPECT_THAT(replies()[1],
              ::testing::AnyOf(::testing::Eq("ERR topic not found"), ::testing::HasSubstr("outcome unknown")));
  put(2, "logs", "third");
  settle();
  EXPECT_EQ(replies().back(), "ERR topic not found");
}

// Answers go to a connection in order: one that never comes would hold up all behind it.
TEST_F(TopicsTest, WhatIsUnderWayWhenItsTopicIsDeletedIsAnsweredHoweverItEnds) {
  const std::vector<ErrorCode> ends = {ErrorCode::kNotLeader, ErrorCode::kOutcomeUnknown};
  for (const ErrorCode end : ends) {
    const NodeId leader = create("logs")->last().leader;
    const std::size_t other = leader == NodeId(1) ? 2 : 1;
    put(other, "logs", "first");
    settle();
    const std::size_t before = replies().size();
    network_.hold_replies();
    const auto submit_for_group = [&](Verb verb) {
      node(other).broker.submit({.verb = verb,
                                 .topic = "logs",
                                 .payload = {},
                                 .name = "g",
                                 .arguments = protocol::GroupArguments{.place = {protocol::Place::Kind::kOffset, 1}}},
                                client_, next_slot_++);
    };
    submit_for_group(Verb::kCommit);
    submit_for_group(Verb::kSeek);
    node(other).broker.submit(
        {.verb = Verb::kFetch,
         .topic = "logs",
         .payload = {},
         .arguments = protocol::FetchArguments{.from = {protocol::Place::Kind::kOffset, 1}, .wait_ms = 60'000}},
        client_, next_slot_++);
    get(other, "logs");
    get(other, "logs");
    put(other, "logs", "second");
    submit(other, Verb::kState, "logs");
    settle();
    EXPECT_EQ(ask("DELETE logs").value(), "");
    settle();
    network_.release_replies(Error{end, {}});
    settle();
    world_.run_for(std::chrono::seconds(10));
    settle();
    EXPECT_EQ(replies().size(), before + 7);
    for (std::size_t i = before; i < replies().size(); ++i) {
      EXPECT_THAT(replies()[i],
                  ::testing::AnyOf(::testing::Eq("ERR topic not found"), ::testing::HasSubstr("outcome unknown")));
    }
  }
}

TEST_F(TopicsTest, ANameOfADeletedTopicBeginsAnewFromZero) {
  const auto before = create("logs");
  put(1, "logs", "old");
  put(2, "logs", "old");
  settle();
  ASSERT_EQ(ask("DELETE logs").value(), "");
  const auto after = create("logs");
  EXPECT_NE(after->id, before->id);
  put(2, "logs", "new");
  settle();
  get(1, "logs");
  settle();
  EXPECT_EQ(replies(), (Replies{"OK", "OK", "OK", "OK new"}));
}

}  // namespace
}  // namespace walrus::broker
