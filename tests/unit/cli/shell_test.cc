#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/program.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Action = FakeServer::Action;

TEST(Shell, AScriptOnStdinGetsTheDocumentedRepliesWithoutAPrompt) {
  FakeServer server;
  const Outcome outcome = run_program({"--addr", server.address()},
                                      "REGISTER logs\n"
                                      "put logs \"first message\"\n"
                                      "\n"
                                      "PUT logs second message\n"
                                      "get logs\nGET logs\nGET logs\n");
  EXPECT_EQ(outcome.out, "OK\nOK\nOK\nOK first message\nOK second message\nEMPTY\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Shell, ErrorsAreRepliesAndTheScriptGoesOn) {
  FakeServer server;
  const Outcome outcome = run_program({"--addr", server.address()}, "GET absent\nPUT logs\nfrobnicate\nREGISTER logs");
  EXPECT_EQ(outcome.out, "ERR topic not found\nERR PUT requires a payload\nERR unknown command\nOK\n");
  EXPECT_EQ(outcome.status, 1);
}

TEST(Shell, ExitEndsTheScript) {
  FakeServer server;
  const Outcome outcome = run_program({"repl", "--addr", server.address()}, "METRICS\nexit\nMETRICS\n");
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(outcome.status, 0);
}

TEST(Shell, HelpNamesEveryVerbWithoutAskingAnyone) {
  const Outcome outcome = run_program({"--addr", FakeServer().address()}, "help\n");
  for (const char* word : {"REGISTER", "PUT", "GET", "STATE", "METRICS", "exit"}) {
    EXPECT_THAT(outcome.out, HasSubstr(word));
  }
  EXPECT_EQ(outcome.status, 0);
}

TEST(Shell, ABrokenConnectionIsReportedAndTheNextLineConnectsAgain) {
  FakeServer server;
  server.add_topic("logs");
  server.set_script([](std::string_view request) {
    return Action{request.ends_with("break") ? Action::Kind::kHangUp : Action::Kind::kServe};
  });
  const Outcome outcome = run_program({"--addr", server.address()}, "PUT logs break\nPUT logs again\n");
  EXPECT_EQ(outcome.out, "OK\n");
  EXPECT_THAT(outcome.err, HasSubstr("may or may not be stored"));
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(server.records("logs"), ElementsAre("again"));
}

}  // namespace
}  // namespace walrus::testing
