// Groups: cursors of their own by name, durable when committed, carried along by a roll.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "protocol/record.h"
#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using namespace std::chrono_literals;
using protocol::GroupArguments;
using protocol::Verb;
using Kind = protocol::Place::Kind;

class GroupTest : public BrokerTest {
 protected:
  GroupTest() : BrokerTest(3, 10) {}

  std::uint64_t ask(std::size_t at, Verb verb, std::string_view group, GroupArguments what = {}) {
    node(at).broker.submit({.verb = verb, .topic = "logs", .payload = {}, .name = group, .arguments = what}, client_,
                           next_slot_);
    node(at).broker.flush();
    return next_slot_++;
  }
  std::uint64_t commit(std::size_t at, std::string_view group, std::uint64_t offset) {
    return ask(at, Verb::kCommit, group, {.place = {Kind::kOffset, offset}});
  }
  std::uint64_t seek(std::size_t at, std::string_view group, protocol::Place place) {
    return ask(at, Verb::kSeek, group, {.place = place});
  }
  /// The values of a READ's reply.
  Replies values(std::uint64_t slot) const {
    const std::string text = reply(slot);
    EXPECT_TRUE(text.starts_with("OK ")) << text;
    std::string_view rest(text);
    rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    Replies values;
    while (!rest.empty()) {
      const auto record = protocol::take_record(rest);
      if (!record) return {"malformed"};
      values.emplace_back(record->value);
    }
    return values;
  }
  Replies read_now(std::size_t at, std::string_view group, GroupArguments what = {}) {
    const auto slot = ask(at, Verb::kRead, group, what);
    settle();
    return values(slot);
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
  static Replies numbers(int from, int to) {
    Replies texts;
    for (int i = from; i < to; ++i) texts.push_back(std::to_string(i));
    return texts;
  }
  metadata::GroupInfo stored(std::string_view group) {
    const auto groups = cluster_.view()->groups(*cluster_.view()->find_topic("logs"));
    const auto found = groups->find(group);
    return found == groups->end() ? metadata::GroupInfo{} : found->second;
  }
};

TEST_F(GroupTest, ACommitThatAnotherOwnerHasOvertakenIsNotTakenForCarriedOut) {
  const metadata::TopicPtr topic = create("logs");
  put_numbers(0, 6);
  const auto leader = static_cast<std::size_t>(topic->last().leader.value());
  ASSERT_EQ(now(commit(leader, "audit", 3)), "OK 3");
  const std::uint64_t revision = stored("audit").revision;
  // Somebody else takes over while the proposal is under way, and is as far in its own revisions.
  bool overtaken = false;
  node(leader).metadata.overtake_next([&] {
    overtaken = true;
    metadata::Command seal;
    seal.mutable_seal_and_open()->set_topic_id(topic->id.value());
    seal.mutable_seal_and_open()->set_segment_id(topic->last().id.value());
    seal.mutable_seal_and_open()->set_epoch(topic->last().epoch.value());
    seal.mutable_seal_and_open()->set_end(6);
    seal.mutable_seal_and_open()->add_holders(leader);
    ASSERT_TRUE(cluster_.apply(seal).status);
    metadata::Command written;
    metadata::CommitCursors::Position& position = *written.mutable_commit_cursors()->add_positions();
    position.set_topic_id(topic->id.value());
    position.set_epoch(cluster_.view()->find_topic("logs")->last().epoch.value());
    position.set_group("audit");
    position.set_offset(3);
    position.set_revision(revision + 1);
    ASSERT_TRUE(cluster_.apply(written).status);
  });
  EXPECT_EQ(now(commit(leader, "audit", 5)), "OK 5");
  EXPECT_TRUE(overtaken);
  EXPECT_EQ(stored("audit").offset, Offset(5));
}

TEST_F(GroupTest, EachGroupReadsEverythingOnceThroughAnyNode) {
  create("logs");
  put_numbers(0, 35);
  for (const char* group : {"a", "b"}) {
    Replies got;
    for (std::size_t i = 0; i < 40 && got.size() < 35; ++i) {
      for (const std::string& value : read_now(1 + i % 3, group, {.bounds = {.records = 7}})) got.push_back(value);
    }
    EXPECT_EQ(got, numbers(0, 35)) << "group " << group;
    EXPECT_EQ(read_now(2, group), Replies{});
  }
}

TEST_F(GroupTest, WithoutCommitTheSameRecordsComeAgainUntilTheyAreCommitted) {
  create("logs");
  put_numbers(0, 6);
  const GroupArguments look{.bounds = {.records = 2}, .advance = false};
  EXPECT_EQ(read_now(2, "g", look), numbers(0, 2));
  EXPECT_EQ(read_now(3, "g", look), numbers(0, 2));
  EXPECT_EQ(now(commit(2, "g", 2)), "OK 2");
  EXPECT_EQ(read_now(1, "g", look), numbers(2, 4));
  EXPECT_EQ(now(commit(2, "g", 1)), "OK 2") << "a commit never moves back";
  EXPECT_EQ(now(commit(2, "g", 7)), "ERR offset out of range: the topic ends at 6");
}

TEST_F(GroupTest, ACommitIsAnsweredOnlyWhenRaftHasIt) {
  create("logs");
  put_numbers(0, 6);
  node(1).metadata.fail_proposals(Error{ErrorCode::kUnavailable, {}});
  const auto slot = commit(1, "g", 3);
  world_.run_for(1s);
  EXPECT_EQ(reply(slot), "(none)");
  EXPECT_EQ(stored("g").offset, Offset(0));
  node(1).metadata.fail_proposals({});
  world_.run_for(1s);
  EXPECT_EQ(reply(slot), "OK 3");
  EXPECT_EQ(stored("g").offset, Offset(3));
}

TEST_F(GroupTest, CommitsThatArriveTogetherAreOneProposal) {
  create("logs");
  put_numbers(0, 9);
  const std::size_t before = node(1).metadata.proposals();
  std::vector<std::uint64_t> slots;
  slots.reserve(900);
  for (int i = 0; i < 900; ++i) slots.push_back(commit(1, "g" + std::to_string(i % 100), 1 + i / 100));
  settle();
  for (const auto slot : slots) EXPECT_EQ(reply(slot), "OK 9");
  EXPECT_LE(node(1).metadata.proposals() - before, 2u);
}

TEST_F(GroupTest, WhatWasReadIsCommittedWithin100Milliseconds) {
  create("logs");
  put_numbers(0, 6);
  read_now(2, "g", {.bounds = {.records = 4}});
  EXPECT_EQ(stored("g").offset, Offset(0));
  world_.run_for(limits::kCursorFlushInterval + 1ms);
  EXPECT_EQ(stored("g").offset, Offset(4));
}

TEST_F(GroupTest, ARollCarriesEveryGroupExactly) {
  create("logs");
  put_numbers(0, 9);
  read_now(1, "read", {.bounds = {.records = 5}});
  EXPECT_EQ(now(commit(1, "committed", 3)), "OK 3");
  get(1, "logs");
  settle();
  for (int i = 9; i < 12; ++i) put(1, "logs", std::to_string(i));
  settle();
  ASSERT_GE(cluster_.view()->find_topic("logs")->segments.size(), 2u);
  EXPECT_EQ(stored("read").offset, Offset(5));
  EXPECT_EQ(stored("_shared").offset, Offset(1));
  EXPECT_EQ(read_now(3, "read", {.bounds = {.records = 2}}), numbers(5, 7));
  EXPECT_EQ(read_now(3, "committed", {.bounds = {.records = 2}}), numbers(3, 5));
}

TEST_F(GroupTest, SeekMovesAnywhereAndIsKnownToRaftWhenAnswered) {
  create("logs");
  put_numbers(0, 25);
  EXPECT_EQ(read_now(1, "g", {.bounds = {.records = 5}}).size(), 5u);
  EXPECT_EQ(now(seek(2, "g", {Kind::kOffset, 2})), "OK 2");
  EXPECT_EQ(stored("g").offset, Offset(2));
  EXPECT_EQ(read_now(1, "g", {.bounds = {.records = 1}}), numbers(2, 3));
  EXPECT_EQ(now(seek(2, "g", {Kind::kLatest})), "OK 25");
  EXPECT_EQ(read_now(1, "g"), Replies{});
  EXPECT_EQ(now(seek(3, "g", {Kind::kEarliest})), "OK 0");
  EXPECT_EQ(read_now(1, "g", {.bounds = {.records = 1}}), numbers(0, 1));
  EXPECT_EQ(now(seek(3, "g", {Kind::kOffset, 26})), "ERR offset out of range: the topic ends at 25");
  const auto time = static_cast<std::uint64_t>(loop_.wall_ms());
  EXPECT_EQ(now(seek(3, "g", {Kind::kTime, time})), "OK 25");
}

TEST_F(GroupTest, TheCursorOfGetIsTheGroupShared) {
  create("logs");
  put_numbers(0, 6);
  get(1, "logs");
  get(2, "logs");
  settle();
  EXPECT_EQ(read_now(3, "_shared", {.bounds = {.records = 1}}), numbers(2, 3));
  EXPECT_EQ(now(seek(2, "_shared", {Kind::kOffset, 1})), "OK 1");
  get(3, "logs");
  settle();
  EXPECT_EQ(replies().back(), "OK 1");
  EXPECT_EQ(now(ask(1, Verb::kForget, "_shared")), "ERR invalid argument: the group of GET stays what it is");
}

TEST_F(GroupTest, CursorsTellsWhereTheGroupsStandAndHowFarTheyLag) {
  create("logs");
  put_numbers(0, 6);
  EXPECT_EQ(now(commit(1, "g", 4)), "OK 4");
  const std::string text = now(ask(2, Verb::kCursors, ""));
  ASSERT_TRUE(text.starts_with("OK ")) << text;
  const auto list = nlohmann::json::parse(text.substr(3));
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["group"], "_shared");
  EXPECT_EQ(list[1], (nlohmann::json{{"group", "g"}, {"offset", 4}, {"committed", 4}, {"end", 6}, {"lag", 2}}));
}

TEST_F(GroupTest, AReadWaitsForARecordAndEachRecordGoesToOneOfTheReaders) {
  create("logs");
  std::vector<std::uint64_t> slots;
  slots.reserve(30);
  for (std::size_t i = 0; i < 30; ++i) {
    slots.push_back(ask(1 + i % 3, Verb::kRead, "g", {.bounds = {.records = 1}, .wait_ms = 60'000}));
  }
  world_.run_for(1s);
  for (const auto slot : slots) EXPECT_EQ(reply(slot), "(none)");
  put_numbers(0, 9);
  std::multiset<std::string> got;
  for (const auto slot : slots) {
    if (reply(slot) == "(none)") continue;
    for (const std::string& value : values(slot)) got.insert(value);
  }
  const Replies expected = numbers(0, 9);
  EXPECT_EQ(got, std::multiset<std::string>(expected.begin(), expected.end()));
  world_.run_for(61s);
  for (const auto slot : slots) EXPECT_NE(reply(slot), "(none)") << "who waits in vain is told so";
}

TEST_F(GroupTest, AReadThatWaitsIsAnsweredWhenItsNodeStopsAndAsksElsewhereWhenTheLeadersDoes) {
  create("logs");
  const GroupArguments patient{.wait_ms = 60'000, .advance = false};
  const auto here = ask(1, Verb::kRead, "g", patient);
  const auto elsewhere = ask(2, Verb::kRead, "g", patient);
  settle();
  bool stopped = false;
  node(1).broker.stop(1s, [&](const Status&) { stopped = true; });
  settle();
  EXPECT_TRUE(stopped) << "nobody is waited for";
  EXPECT_EQ(reply(here), "ERR shutting down: not carried out");
  EXPECT_EQ(reply(elsewhere), "(none)");
}

TEST_F(GroupTest, AForgottenGroupBeginsAnew) {
  create("logs");
  put_numbers(0, 6);
  EXPECT_EQ(now(commit(1, "g", 4)), "OK 4");
  EXPECT_EQ(now(ask(2, Verb::kForget, "g")), "OK");
  EXPECT_FALSE(cluster_.view()->groups(*cluster_.view()->find_topic("logs"))->contains("g"));
  EXPECT_EQ(read_now(3, "g", {.bounds = {.records = 1}}), numbers(0, 1));
}

TEST_F(GroupTest, ForgottenGroupsMakeRoomForOthers) {
  create("logs");
  put_numbers(0, 3);
  for (std::size_t i = 0; i < limits::kMaxGroups + 10; ++i) {
    const std::string group = "g" + std::to_string(i);
    ASSERT_EQ(now(commit(1, group, 1)), "OK 1") << group;
    ASSERT_EQ(now(ask(1, Verb::kForget, group)), "OK") << group;
  }
}

TEST_F(GroupTest, ACommitWhoseAnswerIsLostIsCommittedAllTheSame) {
  create("logs");
  put_numbers(0, 6);
  network_.lose_next_reply(NodeId(1));
  const auto slot = commit(2, "g", 4);
  world_.run_for(2s);
  EXPECT_EQ(reply(slot), "OK 4");
}

TEST_F(GroupTest, ACommitThatMayHaveCountedIsNotCalledUndoneWhenItsTimeIsOver) {
  create("logs");
  put_numbers(0, 6);
  network_.lose_next_reply(NodeId(1));
  const auto slot = commit(2, "g", 4);
  while (stored("g").offset != Offset(4)) world_.run_for(1ms);
  network_.cut(NodeId(1));
  world_.run_for(limits::kHeldRequestTimeout + 1s);
  EXPECT_TRUE(reply(slot).starts_with("ERR outcome unknown")) << reply(slot);
}

TEST_F(GroupTest, ACommitThatIsRefusedDoesNoHarmToThoseBesideIt) {
  create("logs");
  put_numbers(0, 6);
  const auto right = commit(2, "g", 3);
  const auto wrong = commit(2, "g", 999);
  const auto later = commit(2, "g", 5);
  settle();
  EXPECT_TRUE(reply(right).starts_with("OK ")) << reply(right);
  EXPECT_EQ(reply(wrong), "ERR offset out of range: the topic ends at 6");
  EXPECT_EQ(reply(later), "OK 5");
  EXPECT_EQ(stored("g").offset, Offset(5));
}

TEST_F(GroupTest, SeeksThatWaitForALeaderKeepTheirOrder) {
  const metadata::TopicPtr topic = create("logs");
  put_numbers(0, 6);
  const NodeId leader = topic->last().leader;
  const std::size_t other = leader == NodeId(1) ? 2 : 1;
  network_.cut(leader);
  const auto first = seek(other, "g", {Kind::kOffset, 1});
  const auto second = seek(other, "g", {Kind::kOffset, 4});
  settle();
  EXPECT_EQ(reply(second), "(none)");
  network_.heal(leader);
  world_.run_for(1s);
  settle();
  EXPECT_TRUE(reply(first).starts_with("OK ")) << reply(first);
  EXPECT_EQ(reply(second), "OK 4");
  EXPECT_EQ(stored("g").offset, Offset(4));
}

// The third of them waits in the line while the record that is committed meanwhile goes to the second.
TEST_F(GroupTest, AReadThatFindsNothingAfterALongReadOfOthersIsWokenByTheNextRecord) {
  create("logs");
  put_numbers(0, 11);
  const metadata::TopicPtr topic = cluster_.view()->find_topic("logs");
  ASSERT_EQ(topic->segments.size(), 2u);
  const auto leader = static_cast<std::size_t>(topic->last().leader.value());
  ASSERT_NE(topic->segments.front().leader, topic->last().leader);
  const GroupArguments patient{.bounds = {.records = 100}, .wait_ms = 60'000};
  network_.hold_replies();
  const auto first = ask(leader, Verb::kRead, "g", patient);
  const auto second = ask(leader, Verb::kRead, "g", patient);
  const auto third = ask(leader, Verb::kRead, "g", patient);
  put(leader, "logs", "11");
  settle();
  ASSERT_EQ(reply(first), "(none)");
  network_.release_replies();
  settle();
  EXPECT_EQ(values(first), numbers(0, 9)) << "the whole segment";
  EXPECT_EQ(values(second), numbers(9, 12));
  EXPECT_EQ(reply(third), "(none)");
  put(leader, "logs", "12");
  settle();
  EXPECT_EQ(values(third), numbers(12, 13));
}

TEST_F(GroupTest, OfAnUnknownTopicIsRefused) { EXPECT_EQ(now(commit(1, "g", 0)), "ERR topic not found"); }

}  // namespace
}  // namespace walrus::broker
