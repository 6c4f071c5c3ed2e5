// The real walrus-bench: what it prints and how it ends.
#include "tests/unit/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <signal.h>

#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Action = FakeServer::Action;

TEST(BenchProgram, WhatIsWrongIsSaidOnStderrWithStatusTwo) {
  const std::vector<std::vector<std::string>> mistakes = {
      {},
      {"frobnicate"},
      {"put", "--connections", "0"},
      {"put", "--addr", "nonsense"},
      {"put", "--duration", "1", "--requests", "5"},
      {"get", "--peer", "redis"},
      {"put", "--json", "--csv"},
      {"raw-sync", "--size", "1000"},
      {"echo-server", "--listen", "nonsense"},
  };
  for (const auto& arguments : mistakes) {
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.status, 2) << ::testing::PrintToString(arguments) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("walrus-bench: "));
  }
}

TEST(BenchProgram, NobodyThereIsStatusThree) {
  const std::string address = FakeServer().address();
  const Outcome outcome = run_program({"put", "--addr", address, "--requests", "1"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.err, HasSubstr("cannot connect to " + address + ": Connection refused"));
}

TEST(BenchProgram, ARunRegistersItsTopicsAndTellsTheResultAsJson) {
  FakeServer server;
  const Outcome outcome =
      run_program({"put", "--addr", server.address(), "--requests", "500", "--topics", "2", "--size", "10", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << outcome.out;
  EXPECT_EQ(json["records"], 500);
  EXPECT_EQ(server.records("bench-0").size() + server.records("bench-1").size(), 500U);
  EXPECT_EQ(server.records("bench-1").front().size(), 10U);
}

TEST(BenchProgram, GetFillsTheTopicAndTakesItAll) {
  FakeServer server;
  const Outcome outcome = run_program({"get", "--addr", server.address(), "--prefill", "300", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << outcome.out;
  EXPECT_EQ(json["records"], 300);
  EXPECT_EQ(json["drained"], true);
}

TEST(BenchProgram, ARunIsDrawn) {
  FakeServer server;
  const std::string file = std::filesystem::current_path() / "plot-of-a-run.svg";
  const Outcome outcome = run_program({"put", "--addr", server.address(), "--requests", "500", "--plot", file});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_GT(std::filesystem::file_size(file), 1'000U);
  std::filesystem::remove(file);
}

TEST(BenchProgram, RollsAreMeasuredAgainstTheSameLoadWithoutThem) {
  FakeServer server;
  const Outcome outcome = run_program(
      {"rolls", "--addr", server.address(), "--requests", "300", "--segment-entries", "100", "--rate", "100000"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("rolls (none)"));
  EXPECT_THAT(outcome.out, HasSubstr("rolls (small)"));
  EXPECT_THAT(server.requests(), ::testing::Contains("REGISTER bench-small-0 segment_entries=100"));
}

TEST(BenchProgram, ErrorsAreShownByTextAndMakeTheStatusOne) {
  FakeServer server;
  server.set_script([](std::string_view request) {
    return request.starts_with("PUT") ? Action{Action::Kind::kAnswer, "ERR disk full"} : Action{};
  });
  const Outcome outcome = run_program({"put", "--addr", server.address(), "--requests", "100"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("100 x disk full"));
}

TEST(BenchProgram, TheEchoServerAnswersUntilItIsStopped) {
  Program server({"echo-server"});
  std::string address = server.read(sizeof("listening on 127.0.0.1:1234\n") - 1);
  ASSERT_THAT(address, StartsWith("listening on "));
  while (!address.ends_with('\n')) address += server.read(1);
  address = address.substr(13, address.size() - 14);
  const Outcome outcome = run_program({"put", "--addr", address, "--requests", "10000", "--depth", "16", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("\"records\":10000,"));
  server.signal(SIGTERM);
  EXPECT_EQ(server.finish().status, 0);
}

TEST(BenchProgram, RawSyncMeasuresAndLeavesNothingBehind) {
  // Not below /tmp, which may be a tmpfs: the disk that the build lies on.
  std::string directory = std::filesystem::current_path() / "raw-sync-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const Outcome outcome =
      run_program({"raw-sync", "--dir", directory, "--file-mib", "1", "--duration", "0.01", "--json"});
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  std::filesystem::remove_all(directory);
  if (outcome.status == 3) GTEST_SKIP() << outcome.err;  // a filesystem without O_DIRECT
  const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << outcome.out;
  EXPECT_GE(json["writes"], 1);
}

TEST(BenchProgram, EngineMeasuresEveryWorkloadAskedForAndLeavesNothingBehind) {
  std::string directory = std::filesystem::current_path() / "engine-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const Outcome outcome = run_program({"engine", "--dir", directory, "--rounds", "2", "--duration", "0.02", "--only",
                                       "durable-64,unsynced-100,scan-1024", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  std::filesystem::remove_all(directory);
  const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << outcome.out;
  std::size_t measured = 0;
  for (const auto& row : json["rows"]) {
    if (row["system"] != "walrus") continue;
    ++measured;
    EXPECT_EQ(row["rounds"].size(), 2U);
    EXPECT_GT(row["median"].get<double>(), 0);
  }
  EXPECT_EQ(measured, 3U);
  EXPECT_EQ(run_program({"engine", "--only", "nonsense"}).status, 2);
}

TEST(BenchProgram, RestartKillsItselfAndFindsAllThatWasAcknowledged) {
  for (const char* policy : {"--rounds", "--never"}) {
    SCOPED_TRACE(policy);
    std::string directory = std::filesystem::current_path() / "restart-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    std::vector<std::string> arguments = {"restart", "--dir", directory, "--gb",   "0.01",     "--round-gb",
                                          "0.005",   "-t",    "3",       "--json", "--rounds", "2"};
    if (policy == std::string_view("--never")) arguments.emplace_back(policy);
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(std::filesystem::is_empty(directory));
    std::filesystem::remove_all(directory);
    const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << outcome.out;
    ASSERT_EQ(json["openings"].size(), 2U);
    if (policy == std::string_view("--never")) continue;  // what was only in memory is gone
    EXPECT_GE(json["openings"][0]["records"], 10'000);
    EXPECT_GE(json["openings"][1]["records"], 15'000);
  }
}

TEST(BenchProgram, RawSyncInADirectoryThatIsNotThereSaysSo) {
  const Outcome nowhere = run_program({"raw-sync", "--dir", "/nonexistent"});
  EXPECT_EQ(nowhere.status, 3);
  EXPECT_THAT(nowhere.err, HasSubstr("/nonexistent: No such file or directory"));
}

}  // namespace
}  // namespace walrus::testing
