#include "cli/shell_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walrus::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using Kind = ShellLine::Kind;

struct LineCase {
  std::string_view line;
  Kind kind;
  std::string_view request;
};

class ShellLines : public ::testing::TestWithParam<LineCase> {};

TEST_P(ShellLines, MeanWhatTheTableSays) {
  const ShellLine parsed = parse_shell_line(GetParam().line);
  EXPECT_EQ(parsed.kind, GetParam().kind) << GetParam().line;
  EXPECT_EQ(parsed.request, GetParam().request) << GetParam().line;
}

INSTANTIATE_TEST_SUITE_P(
    Words, ShellLines,
    ::testing::Values(LineCase{"", Kind::kEmpty, ""}, LineCase{"  \t ", Kind::kEmpty, ""},
                      LineCase{"REGISTER logs", Kind::kRequest, "REGISTER logs"},
                      LineCase{"register logs", Kind::kRequest, "REGISTER logs"},
                      LineCase{"  GeT   logs  ", Kind::kRequest, "GET logs"},
                      LineCase{"metrics", Kind::kRequest, "METRICS"}, LineCase{"get", Kind::kRequest, "GET"},
                      LineCase{"put logs", Kind::kRequest, "PUT logs"}, LineCase{"put", Kind::kRequest, "PUT"},
                      LineCase{"Frobnicate it", Kind::kRequest, "Frobnicate it"}, LineCase{"exit", Kind::kExit, ""},
                      LineCase{"QUIT", Kind::kExit, ""}, LineCase{" q ", Kind::kExit, ""},
                      LineCase{"help", Kind::kHelp, ""}, LineCase{"exit now", Kind::kRequest, "exit now"}));

INSTANTIATE_TEST_SUITE_P(
    Quotes, ShellLines,
    ::testing::Values(LineCase{R"(PUT logs "first message")", Kind::kRequest, "PUT logs first message"},
                      LineCase{"PUT logs 'single'", Kind::kRequest, "PUT logs single"},
                      LineCase{"PUT logs no quotes at all", Kind::kRequest, "PUT logs no quotes at all"},
                      LineCase{R"(PUT logs "  kept  ")", Kind::kRequest, "PUT logs   kept  "},
                      LineCase{R"(put logs   "a")", Kind::kRequest, "PUT logs a"},
                      LineCase{R"(PUT logs ""twice"")", Kind::kRequest, R"(PUT logs "twice")"},
                      LineCase{R"(PUT logs '{"a":1}')", Kind::kRequest, R"(PUT logs {"a":1})"},
                      LineCase{R"(PUT logs "mixed')", Kind::kRequest, R"(PUT logs "mixed')"},
                      LineCase{R"(PUT logs "open)", Kind::kRequest, R"(PUT logs "open)"},
                      LineCase{R"(PUT logs say "hi")", Kind::kRequest, R"(PUT logs say "hi")"},
                      LineCase{R"(PUT logs ")", Kind::kRequest, R"(PUT logs ")"},
                      LineCase{R"(PUT logs "")", Kind::kRequest, "PUT logs "},
                      LineCase{R"(GET "logs")", Kind::kRequest, R"(GET "logs")"}));

TEST(ShellLine, TheTopicIsKnownForCompletion) {
  EXPECT_EQ(parse_shell_line("put logs x").topic, "logs");
  EXPECT_EQ(parse_shell_line("get  logs ").topic, "logs");
  EXPECT_EQ(parse_shell_line("metrics").topic, "");
}

TEST(Completion, AVerbIsCompletedInTheCaseThatWasBegun) {
  EXPECT_EQ(complete("REG", {}).insert, "ISTER ");
  EXPECT_EQ(complete("reg", {}).insert, "ister ");
  EXPECT_EQ(complete("  exi", {}).insert, "t ");
}

TEST(Completion, AnEmptyLineOffersEveryVerb) {
  EXPECT_THAT(complete("", {}).choices,
              IsSupersetOf({"REGISTER", "PUT", "APPEND", "GET", "STATE", "METRICS", "READ", "LEASE", "TOPICS"}));
}

TEST(Completion, ATopicSeenBeforeIsCompleted) {
  const std::set<std::string> topics = {"logs", "logs-old", "metrics"};
  EXPECT_EQ(complete("get me", topics).insert, "trics ");
  EXPECT_EQ(complete("get l", topics).insert, "ogs");
  EXPECT_THAT(complete("get logs", topics).choices, ElementsAre("logs", "logs-old"));
  EXPECT_EQ(complete("get logs-", topics).insert, "old ");
}

TEST(Completion, NothingIsOfferedWhereNothingIsKnown) {
  for (const char* line : {"xyz", "put logs he", "metrics l", "frobnicate l", "get z"}) {
    const auto completion = complete(line, {"logs"});
    EXPECT_EQ(completion.insert, "") << line;
    EXPECT_THAT(completion.choices, IsEmpty()) << line;
  }
}

}  // namespace
}  // namespace walrus::cli
