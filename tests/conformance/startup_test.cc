// How walrusd starts, resumes and refuses: flags, environment, exit codes (docs/operations.md) and clear words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int kUsage = 2;
constexpr int kEnvironment = 3;

/// A node that has not been started; the tests here choose how.
class Startup : public ::testing::Test {
 protected:
  Node make_node() { return Node({.id = 1, .data_dir = folder_ / "data", .join = {}, .flags = {}, .environment = {}}); }

  /// Runs walrusd, which must refuse to start: ends by itself with `code`, with `words` on stderr.
  static void expect_refusal(const std::vector<std::string>& command, int code, const std::string& words,
                             const std::map<std::string, std::string>& environment = {}) {
    const Finished finished = run(command, {}, environment);
    EXPECT_EQ(finished.ended, (Ended{.code = code, .signal = 0})) << finished.errors;
    EXPECT_THAT(finished.errors, HasSubstr(words));
  }

  std::vector<std::string> with(std::vector<std::string> more) {
    auto command = make_node().command();
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }

  const TempDir folder_;
};

TEST_F(Startup, HelpNamesEveryDocumentedFlagAndEndsWith0) {
  const Finished finished = run({walrusd_path(), "--help"});
  EXPECT_EQ(finished.ended.code, 0);
  for (const char* flag : {"--node-id", "--data-dir", "--raft-port", "--raft-host", "--raft-advertise-host",
                           "--client-port", "--client-host", "--join", "--initial-peer", "--log-file", "--shards",
                           "--max-frame-bytes", "6000", "8080", "./data", "127.0.0.1"}) {
    EXPECT_THAT(finished.output, HasSubstr(flag));
  }
}

TEST_F(Startup, AnUnknownFlagIsRefused) { expect_refusal(with({"--no-such-flag"}), kUsage, "--no-such-flag"); }

TEST_F(Startup, BadFlagValuesAreRefused) {
  const std::vector<std::pair<std::string, std::string>> flags = {
      {"--client-port", "x"}, {"--client-port", "65536"}, {"--client-port", "-1"},
      {"--raft-port", ""},    {"--node-id", "0"},         {"--node-id", "one"},
      {"--shards", "0"},      {"--shards", "many"},       {"--max-frame-bytes", "0"},
  };
  for (const auto& [flag, value] : flags) {
    // In place of the harness's own value: a flag given twice would be another mistake.
    auto command = make_node().command();
    const auto given = std::ranges::find(command, flag);
    if (given != command.end()) {
      *(given + 1) = value;
    } else {
      command.insert(command.end(), {flag, value});
    }
    expect_refusal(command, kUsage, flag);
  }
}

TEST_F(Startup, AMalformedJoinIsRefused) {
  for (const char* join :
       {"nonsense", "127.0.0.1", ":6001", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:70000", "a b:6001"}) {
    expect_refusal(with({"--join", join}), kUsage, "--join");
  }
}

TEST_F(Startup, ABadValueInTheEnvironmentIsRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> variables = {
      {"WALRUS_MAX_SEGMENT_ENTRIES", "x"}, {"WALRUS_MAX_SEGMENT_ENTRIES", "0"}, {"WALRUS_MAX_SEGMENT_ENTRIES", "-5"},
      {"WALRUS_MONITOR_CHECK_MS", "soon"}, {"WALRUS_MONITOR_CHECK_MS", "0"},    {"WALRUS_LOG", "loud"},
  };
  for (const auto& [name, value] : variables) expect_refusal(with({}), kUsage, name, {{name, value}});
}

TEST_F(Startup, APortInUseIsRefusedByNumber) {
  Node first = make_node();
  first.start_and_wait();
  Node second({.id = 2, .data_dir = folder_ / "data", .join = {}, .flags = {}, .environment = {}});
  auto command = second.command();
  *(std::ranges::find(command, "--client-port") + 1) = std::to_string(first.client_port());
  expect_refusal(command, kEnvironment, std::to_string(first.client_port()));
  command = second.command();
  *(std::ranges::find(command, "--raft-port") + 1) = std::to_string(first.raft_port());
  expect_refusal(command, kEnvironment, std::to_string(first.raft_port()));
  EXPECT_EQ(first.metrics().at("node_id"), 1);
  first.stop();
}

TEST_F(Startup, ADataDirectoryThatCannotBeWrittenIsRefusedByName) {
  // A file where the directory should be: that also stops root.
  std::ofstream(folder_ / "data") << "in the way";
  expect_refusal(with({}), kEnvironment, (folder_ / "data").string());
  EXPECT_EQ(read_file(folder_ / "data"), "in the way");
}

TEST_F(Startup, ASecondProcessOnTheSameDirectoryIsRefused) {
  Node first = make_node();
  first.start_and_wait();
  const Node second = make_node();  // other ports, same id and directory
  expect_refusal(second.command(), kEnvironment, "lock");
  EXPECT_EQ(first.request("REGISTER logs"), "OK");
  first.stop();
}

TEST_F(Startup, ALogFileTakesTheLog) {
  Node node = make_node();
  node.options().flags = {"--log-file", folder_ / "walrus.log"};
  node.start_and_wait();
  node.stop();
  EXPECT_FALSE(read_file(folder_ / "walrus.log").empty());
}

TEST_F(Startup, ANodeWithDataResumesWhateverJoinSays) {
  Node node = make_node();
  node.start_and_wait();
  ASSERT_EQ(node.request("REGISTER logs"), "OK");
  ASSERT_EQ(node.request("PUT logs kept"), "OK");
  node.stop();
  node.options().join = "127.0.0.1:" + std::to_string(free_port());
  node.start_and_wait();
  EXPECT_EQ(node.request("GET logs"), "OK kept");
  node.stop();
}

TEST_F(Startup, DataLivesBelowNodeAndId) {
  std::filesystem::create_directory(folder_ / "deep");
  Node node({.id = 42, .data_dir = folder_ / "deep" / "data", .join = {}, .flags = {}, .environment = {}});
  node.start_and_wait();
  EXPECT_TRUE(std::filesystem::exists(folder_ / "deep" / "data" / "node_42" / "identity"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "deep" / "data" / "node_42" / "lock"));
  EXPECT_EQ(node.metrics().at("node_id"), 42);
  node.stop();
}

TEST_F(Startup, WorksWithoutIoUring) {
  Node node = make_node();
  node.options().environment["WALRUS_DISABLE_IO_URING"] = "1";
  node.start_and_wait();
  ASSERT_EQ(node.request("REGISTER logs"), "OK");
  ASSERT_EQ(node.request("PUT logs x"), "OK");
  node.kill_hard();
  node.start_and_wait();
  EXPECT_EQ(node.request("GET logs"), "OK x");
  node.stop();
}

TEST_F(Startup, ALargerFrameLimitIsObeyed) {
  Node node = make_node();
  node.options().flags = {"--max-frame-bytes", "200000"};
  node.start_and_wait();
  ASSERT_EQ(node.request("REGISTER logs"), "OK");
  const std::string payload(150'000, 'p');
  EXPECT_EQ(node.request("PUT logs " + payload), "OK");
  EXPECT_EQ(node.request("GET logs"), "OK " + payload);
  EXPECT_EQ(node.request("PUT logs " + std::string(200'000, 'p')), "ERR invalid frame length");
  node.stop();
}

TEST_F(Startup, AFlagBeatsTheEnvironment) {
  Node node = make_node();
  node.options().environment["WALRUS_MAX_SEGMENT_ENTRIES"] = "1000000";
  node.options().flags = {"--max-segment-entries", "10"};
  node.start_and_wait();
  Connection connection = node.connect();
  ASSERT_EQ(connection.request("REGISTER logs"), "OK");
  for (int i = 0; i < 50; ++i) ASSERT_EQ(connection.request("PUT logs x"), "OK");
  EXPECT_GE(node.state("logs").at("segments").size(), 4U);
  node.stop();
}

}  // namespace
}  // namespace walrus::test
