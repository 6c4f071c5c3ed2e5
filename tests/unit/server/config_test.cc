#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

namespace walrus::server {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Result<std::variant<Config, Information>> read(const std::vector<std::string>& arguments,
                                               const Variables& variables = {}) {
  return read_config(arguments, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

Config config(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  auto told = read(arguments, variables);
  EXPECT_TRUE(told) << told.error().detail;
  return told ? std::get<Config>(*told) : Config();
}

std::string error(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  const auto told = read(arguments, variables);
  return told ? "(accepted)" : told.error().detail;
}

class ConfigFile : public testing::Test {
 public:
  ConfigFile() {
    char name[] = "/tmp/walrus_config_XXXXXX";
    const int descriptor = ::mkstemp(name);
    EXPECT_GE(descriptor, 0);
    ::close(descriptor);
    path_ = name;
  }
  ~ConfigFile() override { std::remove(path_.c_str()); }

 protected:
  void write(const std::string& text) { std::ofstream(path_) << text; }

  std::string path_;
};

TEST(Config, HasTheDocumentedDefaults) {
  const Config defaults = config({});
  EXPECT_EQ(defaults.node_id, NodeId(1));
  EXPECT_EQ(defaults.data_dir, "./data");
  EXPECT_EQ(defaults.raft_host, "127.0.0.1");
  EXPECT_EQ(defaults.raft_port, 6000);
  EXPECT_EQ(defaults.advertised_host(), "127.0.0.1");
  EXPECT_EQ(defaults.client_host, "127.0.0.1");
  EXPECT_EQ(defaults.client_port, 8080);
  EXPECT_TRUE(defaults.join.empty());
  EXPECT_EQ(defaults.max_frame_bytes, 65536u);
  EXPECT_EQ(defaults.max_segment_entries, 1'000'000u);
  EXPECT_EQ(defaults.monitor_interval, std::chrono::milliseconds(10'000));
  EXPECT_TRUE(defaults.use_io_uring);
  EXPECT_GE(defaults.shards, 1u);
  EXPECT_LE(defaults.shards, limits::kMaxShards);
  EXPECT_EQ(defaults.node_directory(), "./data/node_1");
}

TEST(Config, TakesEveryFlag) {
  const Config told = config({"--node-id",
                              "7",
                              "--data-dir",
                              "/d",
                              "--raft-port",
                              "6001",
                              "--raft-host",
                              "0.0.0.0",
                              "--raft-advertise-host",
                              "me",
                              "--client-port=9091",
                              "--client-host",
                              "::1",
                              "--join",
                              "a:1",
                              "--initial-peer",
                              "b:2",
                              "--initial-peer",
                              "[::1]:3",
                              "--log-file",
                              "/l",
                              "--shards",
                              "2",
                              "--max-frame-bytes",
                              "1000",
                              "--max-segment-entries",
                              "10",
                              "--monitor-check-ms",
                              "5",
                              "--disable-io-uring",
                              "--log-level",
                              "debug",
                              "--admin-port",
                              "9",
                              "--max-connections",
                              "3",
                              "--election-timeout-ms",
                              "1000"});
  EXPECT_EQ(told.node_id, NodeId(7));
  EXPECT_EQ(told.data_dir, "/d");
  EXPECT_EQ(told.raft_port, 6001);
  EXPECT_EQ(told.raft_host, "0.0.0.0");
  EXPECT_EQ(told.advertised_host(), "me");
  EXPECT_EQ(told.client_port, 9091);
  EXPECT_EQ(told.client_host, "::1");
  EXPECT_EQ(told.join, (std::vector<std::string>{"a:1", "b:2", "[::1]:3"}));
  EXPECT_EQ(told.log_file, "/l");
  EXPECT_EQ(told.shards, 2u);
  EXPECT_EQ(told.max_frame_bytes, 1000u);
  EXPECT_EQ(told.max_segment_entries, 10u);
  EXPECT_EQ(told.monitor_interval, std::chrono::milliseconds(5));
  EXPECT_FALSE(told.use_io_uring);
  EXPECT_EQ(told.log_level, log::Level::kDebug);
  EXPECT_EQ(told.admin_port, 9);
  EXPECT_EQ(told.max_connections, 3u);
  EXPECT_EQ(told.election_timeout, std::chrono::milliseconds(1000));
}

TEST(Config, TakesEverySettingFromTheEnvironment) {
  const Config told = config({}, {{"WALRUS_NODE_ID", "7"},
                                  {"WALRUS_CLIENT_PORT", "9091"},
                                  {"WALRUS_JOIN", "a:1,b:2"},
                                  {"WALRUS_MAX_SEGMENT_ENTRIES", "10"},
                                  {"WALRUS_MONITOR_CHECK_MS", "5"},
                                  {"WALRUS_DISABLE_IO_URING", "1"},
                                  {"WALRUS_LOG", "error"}});
  EXPECT_EQ(told.node_id, NodeId(7));
  EXPECT_EQ(told.client_port, 9091);
  EXPECT_EQ(told.join, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(told.max_segment_entries, 10u);
  EXPECT_EQ(told.monitor_interval, std::chrono::milliseconds(5));
  EXPECT_FALSE(told.use_io_uring);
  EXPECT_EQ(told.log_level, log::Level::kError);
  EXPECT_TRUE(config({}, {{"WALRUS_DISABLE_IO_URING", "0"}}).use_io_uring);
}

TEST_F(ConfigFile, TakesEverySettingFromTheFile) {
  write(
      "# a node\nnode-id = 7\ndata-dir = \"/d e\"  # with a blank\njoin = [\"a:1\", 'b:2']\n\ndisable-io-uring = "
      "true\n");
  for (const Config& told : {config({"--config", path_}), config({}, {{"WALRUS_CONFIG", path_}})}) {
    EXPECT_EQ(told.node_id, NodeId(7));
    EXPECT_EQ(told.data_dir, "/d e");
    EXPECT_EQ(told.join, (std::vector<std::string>{"a:1", "b:2"}));
    EXPECT_FALSE(told.use_io_uring);
  }
}

TEST_F(ConfigFile, TheFlagWinsOverTheEnvironmentOverTheFile) {
  write("shards = 1\nmax-frame-bytes = 1000\nnode-id = 5\n");
  const Config told =
      config({"--config", path_, "--shards", "3"}, {{"WALRUS_SHARDS", "2"}, {"WALRUS_MAX_FRAME_BYTES", "2000"}});
  EXPECT_EQ(told.shards, 3u);
  EXPECT_EQ(told.max_frame_bytes, 2000u);
  EXPECT_EQ(told.node_id, NodeId(5));
}

TEST_F(ConfigFile, WhatIsWrongIsNamedByItsSource) {
  EXPECT_THAT(error({"--client-port", "65536"}), HasSubstr("--client-port: '65536' is not a whole number 0 to 65535"));
  EXPECT_THAT(error({}, {{"WALRUS_CLIENT_PORT", "x"}}), HasSubstr("WALRUS_CLIENT_PORT: 'x'"));
  write("\n\nclient-port = -1\n");
  EXPECT_THAT(error({"--config", path_}), HasSubstr(path_ + " line 3: client-port: '-1'"));
  write("client-port 1\n");
  EXPECT_THAT(error({"--config", path_}), HasSubstr(path_ + " line 1"));
  write("clientport = 1\n");
  EXPECT_THAT(error({"--config", path_}), HasSubstr("line 1: clientport: no such setting"));
  write("shards = 1\nshards = 2\n");
  EXPECT_THAT(error({"--config", path_}), HasSubstr("line 2: shards: given twice"));
  write("shards = [1, 2]\n");
  EXPECT_THAT(error({"--config", path_}), HasSubstr("takes one value"));
  EXPECT_THAT(error({"--config", "/no/such/file"}), HasSubstr("/no/such/file"));
}

TEST(Config, BadFlagsAreRefusedByName) {
  const std::vector<std::vector<std::string>> bad = {
      {"--node-id", "0"}, {"--node-id", "one"},    {"--raft-port", ""},        {"--shards", "0"},
      {"--shards", "99"}, {"--no-such-flag"},      {"--max-frame-bytes", "0"}, {"--client-port"},
      {"--data-dir", ""}, {"--client-port", "1 "}, {"--log-level", "x"},       {"--max-segment-entries", "0"}};
  for (const auto& arguments : bad) EXPECT_THAT(error(arguments), HasSubstr(arguments[0]));
  EXPECT_THAT(error({"--shards", "1", "--shards", "2"}), HasSubstr("--shards"));
  EXPECT_THAT(error({"stray"}), HasSubstr("stray"));
  EXPECT_THAT(error({"--raft-host", "0.0.0.0"}), HasSubstr("--raft-advertise-host"));
  for (const auto join : {"nonsense", "127.0.0.1", ":6001", "h:", "h:x", "h:0", "h:70000", "a b:6001", "::1:5", ""}) {
    EXPECT_THAT(error({"--join", join}), HasSubstr("--join")) << join;
  }
}

TEST(Config, HelpAndVersionAreInformation) {
  const auto help = read({"--help"});
  ASSERT_TRUE(help);
  const std::string text = std::get<Information>(*help).text;
  for (const auto part :
       {"--node-id", "--raft-port", "6000", "8080", "./data", "WALRUS_MAX_SEGMENT_ENTRIES", "--config"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_EQ(std::get<Information>(read({"--version"}).value()).text, "walrusd " WALRUS_VERSION "\n");
}

}  // namespace
}  // namespace walrus::server
