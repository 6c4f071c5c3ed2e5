#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/program.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::AllOf;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Action = FakeServer::Action;

class OneOff : public ::testing::Test {
 protected:
  Outcome run(std::vector<std::string> arguments, std::string_view input = {}) {
    arguments.insert(arguments.begin(), {"--addr", server_.address()});
    return run_program(arguments, input);
  }

  FakeServer server_;
};

TEST_F(OneOff, PrintsTheAnswerAlone) {
  EXPECT_EQ(run({"register", "logs"}).out, "OK\n");
  EXPECT_EQ(run({"put", "logs", "first message"}).out, "OK\n");
  EXPECT_EQ(run({"get", "logs"}).out, "first message\n");
  EXPECT_EQ(run({"get", "logs"}).out, "EMPTY\n");
  EXPECT_EQ(run({"state", "logs"}).out, "{\"topic\":\"logs\",\"total_entries\":1}\n");
  const Outcome metrics = run({"metrics"});
  EXPECT_EQ(metrics.out, "{\"node_id\":1,\"state\":\"Leader\"}\n");
  EXPECT_EQ(metrics.err, "");
  EXPECT_EQ(metrics.status, 0);
}

TEST_F(OneOff, ARecordIsPrintedByteForByte) {
  const std::string bytes = "  \x1b[1m blanks \0 zero \xff \r\nline"s;
  server_.add_topic("logs", {bytes});
  EXPECT_EQ(run({"get", "logs"}).out, bytes + "\n");
}

TEST_F(OneOff, TheWordsOfAPayloadAreJoinedByOneBlank) {
  server_.add_topic("logs");
  EXPECT_EQ(run({"put", "logs", "hello", "world"}).status, 0);
  EXPECT_EQ(run({"put", "logs", "  kept  as it is "}).status, 0);
  EXPECT_EQ(run({"put", "logs", "\"quotes\""}).status, 0);
  EXPECT_EQ(run({"put", "logs", "--", "-5", "--max"}).status, 0);
  EXPECT_THAT(server_.records("logs"), ElementsAre("hello world", "  kept  as it is ", "\"quotes\"", "-5 --max"));
}

TEST_F(OneOff, ADashReadsThePayloadFromStdin) {
  server_.add_topic("logs");
  const std::string bytes = "two\nlines\0\n"s;
  EXPECT_EQ(run({"put", "logs", "-"}, bytes).status, 0);
  EXPECT_THAT(server_.records("logs"), ElementsAre(bytes));
  EXPECT_EQ(run({"put", "logs", "-"}, "").status, 2);
  const Outcome too_long = run({"put", "logs", "-"}, std::string(70'000, 'x'));
  EXPECT_EQ(too_long.status, 2);
  EXPECT_THAT(too_long.err, HasSubstr("longer than"));
}

TEST_F(OneOff, AnErrorOfTheServerIsOnStderrAsItCame) {
  const Outcome outcome = run({"get", "absent"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "ERR topic not found\nCreate it with: walrus-cli register absent\n");
}

TEST_F(OneOff, WhoAsksForATopicThatIsNotThereIsShownTheWayToThoseThatAre) {
  EXPECT_EQ(run({"state", "absent"}).err, "ERR topic not found\nThe topics that there are: walrus-cli topic list\n");
}

TEST_F(OneOff, WhatIsRefusedForAReasonIsNotToBeTriedAgain) {
  server_.set_script([](auto) { return Action{Action::Kind::kAnswer, "ERR refused: node 2 is still needed"}; });
  const Outcome outcome = run({"node", "remove", "2"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "ERR refused: node 2 is still needed\n");
}

TEST_F(OneOff, AClusterThatIsNotReadySaysTryAgain) {
  server_.set_script([](auto) { return Action{Action::Kind::kAnswer, "ERR raft cluster not initialized"}; });
  const Outcome outcome = run({"register", "logs"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("ERR raft cluster not initialized\n"), HasSubstr("Try again")));
}

TEST_F(OneOff, AnUnknownOutcomeHasAStatusOfItsOwn) {
  server_.set_script([](auto) { return Action{Action::Kind::kHangUp}; });
  const Outcome put = run({"put", "logs", "x"});
  EXPECT_EQ(put.status, 7);
  EXPECT_EQ(put.out, "");
  EXPECT_THAT(put.err, AllOf(HasSubstr(server_.address()), HasSubstr("broke: "), HasSubstr("may or may not"),
                             HasSubstr("walrus-cli state logs")));
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(OneOff, NoServerIsSaidWithTheAddressTheReasonAndTheRemedy) {
  const std::string address = FakeServer().address();
  const Outcome outcome = run_program({"--addr", address, "get", "logs"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "walrus-cli: cannot connect to " + address +
                             ": Connection refused. Is walrusd running there, with this as its client port? A local "
                             "cluster: ./dev run.\n");
}

TEST_F(OneOff, WithoutAStdoutNothingIsAskedFor) {
  EXPECT_EQ(run_in_shell("--addr " + server_.address() + " get logs 2>/dev/null >&-"), 2);
  EXPECT_EQ(server_.requests().size(), 0U);
}

TEST_F(OneOff, AnOptionOfATopicWithoutAValueIsNamed) {
  const Outcome outcome = run({"topic", "create", "logs", "replicas"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("'replicas' is not NAME=VALUE"));
}

TEST_F(OneOff, ASecondAddressServesWhenTheFirstDoesNot) {
  const std::string refusing = FakeServer().address();
  EXPECT_EQ(run_program({"--addr", refusing + "," + server_.address(), "register", "logs"}).out, "OK\n");
}

TEST_F(OneOff, TheDrainLoopOfTheDocumentEnds) {
  server_.add_topic("logs", {"one", "two words", "three"});
  std::vector<std::string> seen;
  for (;;) {
    std::string result = run({"get", "logs"}).out;
    ASSERT_TRUE(result.ends_with('\n'));
    result.pop_back();
    if (result == "EMPTY") break;
    seen.push_back(result);
    ASSERT_LE(seen.size(), 3U);
  }
  EXPECT_THAT(seen, ElementsAre("one", "two words", "three"));
}

}  // namespace
}  // namespace walrus::testing
