#include "cli/group_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/program.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kGroups = R"([{"group":"_shared","offset":3,"committed":2,"end":10,"lag":7},)"
                                R"({"group":"billing","offset":10,"committed":10,"end":10,"lag":0}])";

TEST(GroupTable, ShowsAGroupALineInColumns) {
  EXPECT_EQ(cli::group_table(kGroups),
            "GROUP    OFFSET  COMMITTED  END  LAG\n"
            "_shared  3       2          10   7\n"
            "billing  10      10         10   0\n");
  EXPECT_EQ(cli::group_table(kGroups, "billing"),
            "GROUP    OFFSET  COMMITTED  END  LAG\n"
            "billing  10      10         10   0\n");
}

TEST(GroupTable, PassesOnWhatItDoesNotUnderstand) {
  EXPECT_EQ(cli::group_table("{}"), "{}\n");
  EXPECT_EQ(cli::group_table("nonsense"), "nonsense\n");
}

TEST(GroupCommand, NeedsAnActionAndItsNames) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"group"},
                                             {"group", "list"},
                                             {"group", "seek", "logs", "g"},
                                             {"group", "delete", "logs"},
                                             {"consume", "logs", "--from", "earliest"}}) {
    EXPECT_EQ(run_program(arguments).status, 2) << ::testing::PrintToString(arguments);
  }
}

TEST(GroupCommand, DescribesAGroupThatIsThere) {
  FakeServer server;
  server.set_script(
      [](auto) { return FakeServer::Action{FakeServer::Action::Kind::kAnswer, std::string("OK ") + kGroups}; });
  const auto describe = [&](std::vector<std::string> what) {
    what.insert(what.begin(), {"--addr", server.address(), "group", "describe", "logs"});
    return run_program(what);
  };
  EXPECT_THAT(describe({"billing"}).out, HasSubstr("billing  10"));
  EXPECT_THAT(describe({"billing", "--json"}).out, HasSubstr(R"({"group":"billing")"));
  for (const std::vector<std::string>& nobody : {std::vector<std::string>{"nobody"}, {"nobody", "--json"}}) {
    const Outcome outcome = describe(nobody);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "walrus-cli: no group nobody reads logs; all of them: walrus-cli group list logs\n");
  }
}

TEST(GroupCommand, SaysWhatTheServerSays) {
  FakeServer server;  // it does not know these requests
  const Outcome outcome = run_program({"--addr", server.address(), "group", "list", "logs"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("ERR"));
}

}  // namespace
}  // namespace walrus::testing
