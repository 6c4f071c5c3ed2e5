#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/program.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::HasSubstr;

TEST(CommandLine, WhatIsWrongIsSaidOnStderrWithStatusTwo) {
  const std::vector<std::vector<std::string>> mistakes = {
      {"frobnicate"},
      {"--frobnicate"},
      {"get"},
      {"put", "logs"},
      {"get", "a", "b"},
      {"--addr", "nonsense", "get", "logs"},
      {"--addr", "127.0.0.1:99999", "get", "logs"},
      {"--timeout", "soon", "get", "logs"},
      {"consume", "logs", "--max", "0"},
      {"consume", "logs", "--max", "-1"},
      {"produce", "logs", "--key-separator"},
      {"produce", "logs", "--json", "--quiet"},
      {"register", "two words"},
  };
  for (const auto& arguments : mistakes) {
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.status, 2) << ::testing::PrintToString(arguments) << outcome.err;
    EXPECT_EQ(outcome.out, "") << ::testing::PrintToString(arguments);
    EXPECT_THAT(outcome.err, HasSubstr("walrus-cli: ")) << ::testing::PrintToString(arguments);
  }
}

TEST(CommandLine, HelpAndVersionAreAnswersNotErrors) {
  const Outcome help = run_program({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* word : {"register", "put", "get", "state", "metrics", "produce", "consume", "127.0.0.1:9091"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
  const Outcome version = run_program({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.out, HasSubstr("walrus-cli "));
  EXPECT_EQ(run_program({"put", "--help"}).status, 0);
}

TEST(CommandLine, TheAddressMayStandBeforeOrBehindTheCommand) {
  FakeServer server;
  EXPECT_EQ(run_program({"--addr", server.address(), "register", "logs"}).status, 0);
  EXPECT_EQ(run_program({"register", "logs", "--addr", server.address()}).status, 0);
  EXPECT_EQ(run_program({"register", "logs", "--addr=" + server.address()}).status, 0);
}

}  // namespace
}  // namespace walrus::testing
