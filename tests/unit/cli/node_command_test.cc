#include "cli/node_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/program.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::HasSubstr;

TEST(NodeTable, ShowsANodeALineInColumns) {
  const std::string table = cli::node_table(
      R"([{"node_id":1,"client_address":"127.0.0.1:9091","state":"up","draining":false,"voter":true,)"
      R"("segments_led":12,"replicas_held":40,"sealed_records_held":31000,"sealed_bytes_held":5000000000},)"
      R"({"node_id":2,"client_address":"h:2","state":"up","draining":true,"voter":false,"replicas_held":3},)"
      R"({"node_id":3,"client_address":"h:3","state":"down","draining":true}])");
  EXPECT_EQ(table,
            "NODE  ADDRESS         STATE          VOTES  LEADS  REPLICAS  RECORDS  BYTES\n"
            "1     127.0.0.1:9091  up             yes    12     40        31000    5000000000\n"
            "2     h:2             up, draining   no     0      3         0        0\n"
            "3     h:3             down, drained  no     0      0         0        0\n");
}

TEST(NodeTable, PassesOnWhatItDoesNotUnderstand) {
  EXPECT_EQ(cli::node_table("{}"), "{}\n");
  EXPECT_EQ(cli::node_table("[1]"), "[1]\n");
  EXPECT_EQ(cli::node_table("nonsense"), "nonsense\n");
}

TEST(NodeCommand, NeedsAnActionAndAnId) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"node"}, {"node", "drain"}, {"node", "remove", "x"}, {"node", "fly", "1"}}) {
    EXPECT_EQ(run_program(arguments).status, 2) << ::testing::PrintToString(arguments);
  }
}

TEST(NodeCommand, SaysWhatTheServerSays) {
  FakeServer server;  // it does not know these requests
  const Outcome outcome = run_program({"--addr", server.address(), "node", "list"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("ERR"));
}

}  // namespace
}  // namespace walrus::testing
