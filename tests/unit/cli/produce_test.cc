#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <signal.h>

#include "tests/unit/cli/program.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Action = FakeServer::Action;

class Produce : public ::testing::Test {
 protected:
  std::vector<std::string> arguments(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--addr", server_.address(), "produce", "logs"});
    return more;
  }

  FakeServer server_;
};

TEST_F(Produce, EachLineBecomesARecordOfTheSameBytes) {
  const Outcome outcome = run_program(arguments(), "first\n  second \r\n\xff\x01\nlast without newline");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(server_.records("logs"), ElementsAre("first", "  second \r", "\xff\x01", "last without newline"));
  EXPECT_THAT(outcome.err, HasSubstr("4 records, 37 B in "));
}

TEST_F(Produce, ManyLinesKeepTheirOrder) {
  std::string input;
  std::vector<std::string> expected;
  for (int i = 0; i < 20'000; ++i) {
    expected.push_back("record number " + std::to_string(i));
    input += expected.back() + "\n";
  }
  EXPECT_EQ(run_program(arguments(), input).status, 0);
  EXPECT_EQ(server_.records("logs"), expected);
}

TEST_F(Produce, WhatStandsBeforeTheSeparatorIsTheKey) {
  EXPECT_EQ(run_program(arguments({"--key-separator", "::"}), "a::1\nno key\nb::2::3\n").status, 0);
  EXPECT_THAT(server_.records("logs"), ElementsAre("1", "no key", "2::3"));
  EXPECT_THAT(server_.keys("logs"), ElementsAre("a", "", "b"));
}

TEST_F(Produce, EmptyLinesAreSkippedAndCounted) {
  const Outcome outcome = run_program(arguments(), "a\n\n\nb\n");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(server_.records("logs"), ElementsAre("a", "b"));
  EXPECT_THAT(outcome.err, HasSubstr("2 empty lines were skipped"));
}

TEST_F(Produce, TheTopicIsRegisteredUnlessToldNotTo) {
  const Outcome refused = run_program(arguments({"--no-register"}), "a\n");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("ERR topic not found (line 1)"), HasSubstr("acknowledged 0, refused 1")));
  EXPECT_EQ(run_program(arguments(), "a\n").status, 0);
  EXPECT_THAT(server_.records("logs"), ElementsAre("a"));
}

TEST_F(Produce, ALineLongerThanAFrameIsNamedByItsNumber) {
  const Outcome outcome = run_program(arguments(), "short\n" + std::string(65'600, 'x') + "\nafter\n");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("line 2"), HasSubstr("fit a frame"), HasSubstr("acknowledged 1, refused 1"),
                                 HasSubstr("first line without an acknowledgement is line 2")));
  EXPECT_THAT(server_.records("logs"), ElementsAre("short"));
}

TEST_F(Produce, LongerLinesGoToAServerThatTakesThem) {
  server_.set_script([](std::string_view request) {
    if (!request.starts_with("HELLO")) return Action{};
    return Action{Action::Kind::kAnswer, R"(OK {"max_frame_bytes":100000,"max_record_bytes":16777216})"};
  });
  const std::string line(65'000, 'x');
  EXPECT_EQ(run_program(arguments({"--max-frame-bytes", "100000"}), line + "\n").status, 0);
  EXPECT_THAT(server_.records("logs"), ElementsAre(line));
  EXPECT_EQ(server_.requests().front(), "HELLO max_frame=100000");
  const Outcome refused = run_program(arguments({"--max-frame-bytes", "100001"}), line + "\n");
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr("the server takes requests of at most 100000 bytes, not of 100001"));
}

TEST_F(Produce, ABrokenConnectionIsMadeAgainAndTheSameBatchSentAgain) {
  std::atomic<int> writes = 0;
  server_.set_script([&](std::string_view request) {
    if (!request.starts_with("MPUT")) return Action{};
    return Action{++writes == 1 ? Action::Kind::kHangUp : Action::Kind::kServe};
  });
  const Outcome outcome = run_program(arguments(), "1\n2\n3\n");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(server_.records("logs"), ElementsAre("1", "2", "3"));
  EXPECT_THAT(outcome.err, HasSubstr("3 records"));
  EXPECT_GE(server_.connections(), 2U);
}

TEST_F(Produce, ASilentServerLeavesTheOutcomeUnknown) {
  server_.set_script([&](std::string_view request) {
    return request.starts_with("MPUT") ? Action{Action::Kind::kSilence} : Action{};
  });
  const Outcome outcome =
      run_program({"--timeout", "0.2", "--addr", server_.address(), "produce", "logs"}, "1\n2\n3\n");
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("acknowledged 0, refused 0, outcome unknown 3, read but not sent 0"),
                                 HasSubstr("first line without an acknowledgement is line 1")));
}

TEST_F(Produce, WithoutAStdinItEnds) {
  EXPECT_NE(run_in_shell("--addr " + server_.address() + " produce logs 2>/dev/null <&-"), 0);
}

TEST_F(Produce, AServerThatGoesAwayBehindAcknowledgementsIsNoReasonToRepeatThem) {
  auto server = std::make_unique<FakeServer>();
  Program program({"--timeout", "0.5", "--addr", server->address(), "produce", "logs"});
  program.write("1\n2\n");
  while (server->records("logs").size() < 2) {
  }
  server->hang_up();  // before an answer, or behind it
  server.reset();
  program.write("3\n");
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.status, outcome.err.contains("acknowledged 2") ? 1 : 7) << outcome.err;
}

TEST_F(Produce, ARefusedRecordStopsTheRestAndIsNamed) {
  server_.set_script([&](std::string_view request) {
    return request.starts_with("MPUT") && request.contains("bad") ? Action{Action::Kind::kAnswer, "ERR disk full"}
                                                                  : Action{};
  });
  Program program(arguments());
  program.write("1\n2\n");
  while (server_.records("logs").size() < 2) {
  }
  program.write("bad\n");
  ASSERT_TRUE(program.wait_for_error("ERR disk full (line 3)"));
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("acknowledged 2, refused 1"));
  EXPECT_THAT(server_.records("logs"), ElementsAre("1", "2"));
}

TEST_F(Produce, TheSummaryCanBeReadByAMachine) {
  const Outcome outcome = run_program(arguments({"--json"}), "a\n\nbc\n");
  const auto json = nlohmann::json::parse(outcome.err, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << outcome.err;
  EXPECT_EQ(json["records"], 2);
  EXPECT_EQ(json["bytes"], 3);
  EXPECT_EQ(json["empty_lines_skipped"], 1);
  EXPECT_TRUE(json["error"].is_null());
  EXPECT_EQ(run_program(arguments({"--quiet"}), "a\n").err, "");
}

TEST_F(Produce, LinesLeaveAsSoonAsTheyAreWritten) {
  Program program(arguments());
  program.write("early\n");
  while (server_.records("logs").empty()) {
  }
  program.write("late");
  program.close_stdin();
  EXPECT_EQ(program.finish().status, 0);
  EXPECT_THAT(server_.records("logs"), ElementsAre("early", "late"));
}

TEST_F(Produce, AnInterruptWaitsForWhatIsOwedAndSaysSo) {
  Program program(arguments());
  program.write("early\n");
  while (server_.records("logs").empty()) {
  }
  program.signal(SIGINT);
  ASSERT_TRUE(program.wait_for_error("the first line without an acknowledgement is line 2"));
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.status, 130);
  EXPECT_THAT(outcome.err, HasSubstr("acknowledged 1"));
}

}  // namespace
}  // namespace walrus::testing
