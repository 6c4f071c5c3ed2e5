// What a power cut leaves of topics whose policy is weaker than always: acknowledged records may be gone, and nothing
// else. What is left is readable, and whoever reads sees what comes next.
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/record.h"
#include "protocol/text.h"
#include "tests/sim/sim_cluster.h"

namespace walrus::sim {
namespace {

using namespace std::chrono_literals;

struct Setup {
  const char* name;
  std::size_t nodes;
  const char* node_policy;
  const char* topic_options;
};

class WeakerFsync : public testing::TestWithParam<Setup> {
 protected:
  WeakerFsync()
      : cluster_({.seed = 20261123,
                  .nodes = GetParam().nodes,
                  .replication_factor = static_cast<std::uint32_t>(GetParam().nodes),
                  .fsync = parse_sync_policy(GetParam().node_policy).value()}) {}

  void SetUp() override {
    ASSERT_TRUE(cluster_.form());
    ASSERT_EQ(ask("REGISTER logs" + std::string(GetParam().topic_options)), "OK");
  }

  /// What the first node answers to a request as a client writes it, asked again while the answer is an error.
  std::string ask(const std::string& text) {
    std::string answer;
    for (int attempt = 0; attempt < 20; ++attempt) {
      answer = ask_once(text);
      if (!answer.starts_with("ERR")) break;
      cluster_.world().run_for(500ms);
    }
    return answer;
  }
  std::string ask_once(const std::string& text) {
    struct Sink : broker::AnswerSink {
      void answer(std::uint64_t, const broker::Answer& answer) override {
        using Kind = broker::Answer::Kind;
        text = answer.kind == Kind::kError ? "ERR " : "OK";
        if (answer.kind != Kind::kOk) *text += answer.payload;
        for (const SharedBytes& piece : answer.body) *text += piece.view();
      }
      void flush() override {}
      std::optional<std::string> text;
    };
    const auto request = protocol::parse_request(text);
    EXPECT_TRUE(request) << text;
    auto sink = std::make_shared<Sink>();
    cluster_.node(NodeId(1))->requests().submit(*request, sink, 0);
    cluster_.node(NodeId(1))->requests().flush();
    cluster_.world().run_until([&] { return sink->text.has_value(); }, 30s);
    return sink->text.value_or("ERR nothing");
  }
  void put(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(ask("PUT logs " + prefix + std::to_string(i)), "OK");
  }
  /// All that a reading request gives until it gives nothing more.
  std::vector<std::string> read_all(const std::string& request) {
    std::vector<std::string> values;
    while (true) {
      const std::string answer = ask(request);
      EXPECT_TRUE(answer.starts_with("OK")) << answer;
      std::string_view rest(answer);
      rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
      if (rest.empty() || !answer.starts_with("OK")) return values;
      while (!rest.empty()) {
        const auto record = protocol::take_record(rest);
        if (!record) return values;
        values.emplace_back(record->value);
      }
    }
  }
  /// The offsets that a LEASE gives until it gives none.
  std::set<std::uint64_t> lease_all(const std::string& request) {
    std::set<std::uint64_t> offsets;
    while (true) {
      std::istringstream answer(ask(request).substr(2));
      std::uint64_t first = 0;
      std::uint64_t count = 0;
      if (!(answer >> first >> count) || count == 0) return offsets;
      for (std::uint64_t i = 0; i < count; ++i) offsets.insert(first + i);
    }
  }
  static std::vector<std::string> numbered(const std::string& prefix, int count) {
    std::vector<std::string> values;
    values.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) values.push_back(prefix + std::to_string(i));
    return values;
  }
  void cut_power_of_all() {
    for (const NodeId id : cluster_.ids()) cluster_.cut_power(id, io::CrashModel::kLoseUnsynced);
    for (const NodeId id : cluster_.ids()) cluster_.restart(id);
  }
  metadata::TopicPtr logs() { return cluster_.newest_view()->find_topic("logs"); }

  SimCluster cluster_;
};

TEST_P(WeakerFsync, GroupsSeeWhatComesAfterALoss) {
  put("old", 30);
  ASSERT_EQ(ask("COMMIT logs plain 30"), "OK30");
  ASSERT_EQ(ask("ACK logs work 0-9 20-29"), "OK");
  cut_power_of_all();
  put("new", 40);
  const std::vector<std::string> there = read_all("READ logs fresh");
  ASSERT_LT(there.size(), 70u) << "nothing was lost, so this shows nothing";
  ASSERT_GE(there.size(), 40u);
  EXPECT_EQ(std::vector(there.end() - 40, there.end()), numbered("new", 40));
  EXPECT_EQ(read_all("READ logs plain"), numbered("new", 40));
  const std::set<std::uint64_t> leased = lease_all("LEASE logs work max=1000");
  for (std::uint64_t offset = there.size() - 40; offset < there.size(); ++offset) {
    EXPECT_TRUE(leased.contains(offset)) << offset;
  }
  EXPECT_EQ(ask("COMMIT logs plain " + std::to_string(there.size())), "OK" + std::to_string(there.size()));
}

TEST_P(WeakerFsync, WhatIsSealedIsThere) {
  put("old", 51);
  ASSERT_TRUE(cluster_.world().run_until([&] { return logs()->segments.size() == 2; }, 5s));
  cut_power_of_all();
  const std::vector<std::string> there = read_all("READ logs fresh");
  ASSERT_GE(there.size(), 50u);
  EXPECT_EQ(std::vector(there.begin(), there.begin() + 50), numbered("old", 50));
}

INSTANTIATE_TEST_SUITE_P(Policies, WeakerFsync,
                         testing::Values(Setup{"NodeAlone", 1, "never", ""},
                                         Setup{"NodeAloneInterval", 1, "interval:60000", ""},
                                         Setup{"ThreeNodes", 3, "never", ""},
                                         Setup{"ThreeNodesOneReplica", 3, "never", " replicas=1"},
                                         Setup{"PolicyOfTheNode", 1, "never", " fsync=default"}),
                         [](const auto& param) { return param.param.name; });

// The log of a node that syncs always, and topics that do not wait for it: what it cannot take was answered already.
/// Of one replica.
class WeakerTopic : public WeakerFsync {};

TEST_P(WeakerTopic, AWriteOfTheLogThatFailsEndsTheSegmentAndNoMore) {
  put("old", 10);
  ASSERT_EQ(ask("COMMIT logs plain 10"), "OK10");
  const NodeId leader = logs()->last().leader;
  cluster_.disk(leader).fail_nth(io::SimDisk::Operation::kWrite, 1, "/wal", 1);
  ASSERT_EQ(ask_once("PUT logs hit"), "OK");
  cluster_.world().run_for(5s);
  EXPECT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(ask_once("PUT logs new0"), "OK");
  put("more", 9);
  const std::vector<std::string> there = read_all("READ logs plain");
  ASSERT_GE(there.size(), 10u);
  EXPECT_EQ(there[there.size() - 10], "new0");
  const std::size_t all = read_all("READ logs fresh").size();
  cut_power_of_all();
  EXPECT_GE(read_all("READ logs again").size() + 10, all) << "at most what came after the segment is lost";
}

INSTANTIATE_TEST_SUITE_P(Policies, WeakerTopic,
                         testing::Values(Setup{"NodeAlone", 1, "always", " fsync=never"},
                                         Setup{"NodeAloneInterval", 1, "always", " fsync=interval:1000"},
                                         Setup{"ThreeNodes", 3, "always", " fsync=never replicas=1"}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace walrus::sim
