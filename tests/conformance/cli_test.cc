// walrus-cli against a real node: one-off commands, the documented drain loop, the REPL on a pipe, produce and consume.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using ::testing::HasSubstr;

class Cli : public SingleNode {
 protected:
  Finished cli(std::vector<std::string> arguments, const std::string& input = {}) const {
    const std::string address = "127.0.0.1:" + std::to_string(node_.client_port());
    std::vector<std::string> command = {walrus_cli_path(), "--addr", address};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command, input);
  }
  /// Succeeds, prints exactly this, and nothing on stderr.
  void expect_output(const std::vector<std::string>& arguments, const std::string& output) const {
    const Finished finished = cli(arguments);
    EXPECT_EQ(finished.ended.code, 0);
    EXPECT_EQ(finished.output, output);
    EXPECT_EQ(finished.errors, "");
  }
  /// Fails, prints nothing on stdout, and the words on stderr.
  void expect_error(const std::vector<std::string>& arguments, const std::string& words) const {
    const Finished finished = cli(arguments);
    EXPECT_NE(finished.ended.code, 0);
    EXPECT_EQ(finished.ended.signal, 0);
    EXPECT_EQ(finished.output, "");
    EXPECT_THAT(finished.errors, HasSubstr(words));
  }
};

TEST_F(Cli, OneOffCommandsPrintTheAnswerAlone) {
  expect_output({"register", "logs"}, "OK\n");
  expect_output({"put", "logs", "first message"}, "OK\n");
  expect_output({"put", "logs", " blanks kept "}, "OK\n");
  expect_output({"put", "logs", "\"quotes kept\""}, "OK\n");
  expect_output({"get", "logs"}, "first message\n");
  expect_output({"get", "logs"}, " blanks kept \n");
  expect_output({"get", "logs"}, "\"quotes kept\"\n");
  expect_output({"get", "logs"}, "EMPTY\n");
  EXPECT_THAT(cli({"state", "logs"}).output, HasSubstr("\"total_entries\":3"));
  EXPECT_THAT(cli({"metrics"}).output, HasSubstr("\"node_id\":1"));
}

TEST_F(Cli, WritesThatTellAnOffsetPrintIt) {
  expect_output({"register", "logs"}, "OK\n");
  expect_output({"append", "logs", "first message"}, "0\n");
  expect_output({"expect", "logs", "1", "second", "message"}, "1\n");
  expect_error({"expect", "logs", "1", "late"}, "unexpected end of the topic: the topic ends at 2");
  expect_output({"fence", "logs", "7"}, "2\n");
  expect_error({"fence", "logs", "6"}, "fenced");
  expect_error({"append", "two words", "x"}, "invalid topic name");
  expect_output({"get", "logs"}, "first message\n");
  expect_output({"get", "logs"}, "second message\n");
}

TEST_F(Cli, ErrorsGoToStderrWithANonZeroExit) {
  expect_error({"get", "nothing"}, "topic not found");
  expect_error({"put", "nothing", "x"}, "topic not found");
  expect_error({"state", "nothing"}, "topic not found");
  expect_error({"register", "two words"}, "invalid topic name");
  expect_error({"no-such-command"}, "no-such-command");
  expect_error({"get"}, "topic");
}

TEST_F(Cli, ANodeThatIsNotThereIsAClearError) {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  const Finished finished = run({walrus_cli_path(), "--addr", address, "get", "logs"});
  EXPECT_NE(finished.ended.code, 0);
  EXPECT_EQ(finished.output, "");
  EXPECT_THAT(finished.errors, HasSubstr(address));
}

TEST_F(Cli, TheDocumentedDrainLoopEnds) {
  ASSERT_EQ(node_.request("REGISTER logs"), "OK");
  for (const char* payload : {"one", "two words", "three"}) {
    ASSERT_EQ(node_.request("PUT logs " + std::string(payload)), "OK");
  }
  const std::string script = R"(
while true; do
    result=$("$1" --addr "$2" get logs 2>/dev/null)
    if [[ "$result" == "EMPTY" ]]; then
        echo "No more data"
        break
    fi
    echo "$result"
done)";
  const Finished finished =
      run({"/bin/bash", "-c", script, "drain", walrus_cli_path(), "127.0.0.1:" + std::to_string(node_.client_port())});
  EXPECT_EQ(finished.ended.code, 0);
  EXPECT_EQ(finished.output, "one\ntwo words\nthree\nNo more data\n");
}

TEST_F(Cli, TheReplTakesOnePairOfQuotesOffAPayload) {
  const Finished finished = cli({},
                                "REGISTER logs\nPUT logs \"first message\"\nPUT logs plain words\n"
                                "GET logs\nGET logs\nGET logs\nexit\nGET never\n");
  EXPECT_EQ(finished.ended.code, 0);
  EXPECT_THAT(finished.output, HasSubstr("OK first message\n"));
  EXPECT_THAT(finished.output, HasSubstr("OK plain words\n"));
  EXPECT_THAT(finished.output, HasSubstr("EMPTY\n"));
  EXPECT_THAT(finished.output, ::testing::Not(HasSubstr("topic not found")));  // nothing runs behind exit
}

TEST_F(Cli, ProduceAndConsumeGiveTheSameBytesBack) {
  std::string lines;
  for (int i = 0; i < 5'000; ++i) lines += "line " + std::to_string(i) + " with blanks  and ütf-8\t.\n";
  const Finished produced = cli({"produce", "logs"}, lines);
  EXPECT_EQ(produced.ended.code, 0) << produced.errors;
  EXPECT_THAT(produced.output + produced.errors, HasSubstr("5,000 records"));
  const Finished consumed = cli({"consume", "logs", "--max", "5000"});
  EXPECT_EQ(consumed.ended.code, 0) << consumed.errors;
  EXPECT_EQ(consumed.output, lines);
}

}  // namespace
}  // namespace walrus::test
