#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <signal.h>

#include "protocol/record.h"
#include "tests/unit/cli/program.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Action = FakeServer::Action;

class Consume : public ::testing::Test {
 protected:
  std::vector<std::string> arguments(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--addr", server_.address(), "consume", "logs"});
    return more;
  }
  std::size_t gets() const {
    const auto requests = server_.requests();
    return static_cast<std::size_t>(std::ranges::count(requests, "GET logs"));
  }
  void add_records(int from, int to) {
    std::vector<std::string> records;
    for (int i = from; i < to; ++i) records.push_back(std::to_string(i));
    server_.add_topic("logs", records);
  }

  FakeServer server_;
};

TEST_F(Consume, WhatWasProducedComesBackAsTheSameFile) {
  std::string file;
  for (int i = 0; i < 10'000; ++i) file += "line " + std::to_string(i) + (i % 7 == 0 ? " \r\n" : "\n");
  ASSERT_EQ(run_program({"--addr", server_.address(), "produce", "logs"}, file).status, 0);
  const Outcome outcome = run_program(arguments({"--max", "10000"}));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, file);
  EXPECT_THAT(outcome.err, HasSubstr("10,000 records"));
}

TEST_F(Consume, NeverTakesMoreThanWanted) {
  add_records(0, 1'000);
  const Outcome outcome = run_program(arguments({"--max", "10"}));
  EXPECT_EQ(outcome.out, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  EXPECT_EQ(gets(), 10U);
}

TEST_F(Consume, EndsAtEmpty) {
  add_records(0, 3);
  const Outcome outcome = run_program(arguments());
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "0\n1\n2\n");
  EXPECT_THAT(outcome.err, HasSubstr("3 records"));
}

TEST_F(Consume, AnEmptyTopicIsAskedOnce) {
  server_.add_topic("logs");
  const Outcome outcome = run_program(arguments());
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(gets(), 1U);
}

TEST_F(Consume, FollowWaitsForNewRecordsAndAStopEndsIt) {
  add_records(0, 2);
  Program program(arguments({"--follow"}));
  EXPECT_EQ(program.read(4), "0\n1\n");
  add_records(2, 4);
  EXPECT_EQ(program.read(4), "2\n3\n");
  program.signal(SIGTERM);
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("4 records"));
}

TEST_F(Consume, FollowEndsAtMax) {
  add_records(0, 2);
  Program program(arguments({"--follow", "--max", "3"}));
  EXPECT_EQ(program.read(4), "0\n1\n");
  add_records(2, 9);
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.out, "2\n");
  EXPECT_EQ(outcome.status, 0);
}

TEST_F(Consume, FollowOutlivesABrokenConnection) {
  add_records(0, 1);
  Program program(arguments({"--follow"}));
  EXPECT_EQ(program.read(2), "0\n");
  server_.hang_up();
  add_records(1, 2);
  EXPECT_EQ(program.read(2), "1\n");
  program.signal(SIGINT);
  const Outcome outcome = program.finish();
  // Whether a GET was on its way at that moment is a matter of timing; if so it is named.
  const bool unknown = outcome.err.find("unknown outcome") != std::string::npos;
  EXPECT_EQ(outcome.status, unknown ? 7 : 0) << outcome.err;
  EXPECT_EQ(server_.connections(), 2U);
}

TEST_F(Consume, ATopicThatDoesNotExistIsAnError) {
  const Outcome outcome = run_program(arguments({"--follow"}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("ERR topic not found\n"));
}

TEST_F(Consume, AClosedReaderStopsItAndTheRecordsItCostAreCounted) {
  server_.add_topic("logs", std::vector<std::string>(100'000, std::string(100, 'x')));
  Program program(arguments());
  EXPECT_EQ(program.read(101).size(), 101U);
  program.close_stdout();
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("were taken from the topic but could not be written"));
  EXPECT_LT(gets(), 100'000U);
}

TEST_F(Consume, AServerThatDoesNotKnowTheOutcomeIsNotTakenForANo) {
  server_.set_script([](auto) { return Action{.kind = Action::Kind::kAnswer, .answer = "ERR outcome unknown: ?"}; });
  const Outcome taken = run_program(arguments({"--json"}));
  EXPECT_EQ(taken.status, 7);
  EXPECT_THAT(taken.err, HasSubstr(R"("outcome_unknown":1)"));
  EXPECT_EQ(run_program({"--addr", server_.address(), "append", "logs", "x"}).status, 7);
}

std::string page(std::uint64_t first, std::uint64_t count, std::uint64_t end) {
  std::string text = fmt::format("OK {} {} {} {}\n", first, count, first + count, end);
  for (std::uint64_t i = first; i < first + count; ++i) {
    const std::string value = std::to_string(i);
    EXPECT_TRUE(protocol::append_record(text, {.place = {}, .key = {}, .headers = {}, .value = value}));
  }
  return text;
}

TEST_F(Consume, AGroupsCommitIsTriedAgainAlsoBehindTheLastRecord) {
  server_.set_script([commits = 0](std::string_view request) mutable -> Action {
    if (request.starts_with("READ")) return {.kind = Action::Kind::kAnswer, .answer = page(0, 1, 1)};
    const bool first = commits++ == 0;
    return {.kind = Action::Kind::kAnswer,
            .answer = first ? "ERR unavailable: not carried out, try again: no leader" : "OK 1"};
  });
  const Outcome outcome = run_program(arguments({"--group", "g", "--follow", "--max", "1"}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "0\n");
  EXPECT_EQ(std::ranges::count(server_.requests(), "COMMIT logs g 1"), 2);
}

TEST_F(Consume, TailStopsWhereTheTopicEndedWhenItBegan) {
  server_.set_script([end = 5](std::string_view request) mutable -> Action {
    ++end;  // somebody writes
    const auto answer = [&](std::uint64_t first, std::uint64_t count) {
      return Action{.kind = Action::Kind::kAnswer, .answer = page(first, count, static_cast<std::uint64_t>(end))};
    };
    if (request.starts_with("FETCH logs latest")) return answer(6, 0);
    if (request.starts_with("FETCH logs earliest")) return answer(0, 1);
    return answer(std::stoull(std::string(request.substr(11))), 1);
  });
  const Outcome outcome = run_program({"--addr", server_.address(), "tail", "logs", "-n", "3"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "3\n4\n5\n");
}

TEST_F(Consume, ABreakSaysHowManyAnswersAreOwed) {
  add_records(0, 100);
  std::atomic<int> asked = 0;
  server_.set_script([&](auto) { return Action{++asked <= 5 ? Action::Kind::kServe : Action::Kind::kHangUp}; });
  const Outcome outcome = run_program(arguments());
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out, "0\n1\n2\n3\n4\n");
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("broke: "), HasSubstr("have an unknown outcome")));
}

TEST_F(Consume, TheSummaryCanBeReadByAMachine) {
  add_records(10, 12);
  const Outcome outcome = run_program(arguments({"--json"}));
  const auto json = nlohmann::json::parse(outcome.err, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << outcome.err;
  EXPECT_EQ(json["records"], 2);
  EXPECT_EQ(json["bytes"], 4);
  EXPECT_EQ(json["taken_not_written"], 0);
  EXPECT_TRUE(json["error"].is_null());
}

}  // namespace
}  // namespace walrus::testing
