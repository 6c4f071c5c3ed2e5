// Leaders whose process, or disk, leaves them at a bad moment.
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/limits.h"
#include "protocol/record.h"
#include "protocol/text.h"
#include "tests/sim/sim_cluster.h"

namespace walrus::sim {
namespace {

using namespace std::chrono_literals;

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

std::shared_ptr<Sink> submit(SimCluster& cluster, NodeId node, const std::string& text) {
  const auto request = protocol::parse_request(text);
  EXPECT_TRUE(request) << text;
  auto sink = std::make_shared<Sink>();
  cluster.node(node)->requests().submit(*request, sink, 0);
  cluster.node(node)->requests().flush();
  return sink;
}

std::string ask(SimCluster& cluster, NodeId node, const std::string& text) {
  const auto sink = submit(cluster, node, text);
  cluster.world().run_until([&] { return sink->text.has_value(); }, 30s);
  return sink->text.value_or("ERR nothing");
}

NodeId leader_of(const SimCluster& cluster, const std::string& topic) {
  return cluster.newest_view()->find_topic(topic)->last().leader;
}

std::vector<std::string> values_of(std::string_view answer) {
  std::vector<std::string> values;
  answer.remove_prefix(std::min(answer.find('\n'), answer.size() - 1) + 1);
  while (!answer.empty()) {
    const auto record = protocol::take_record(answer);
    if (!record) break;
    values.emplace_back(record->value);
  }
  return values;
}

/// Some topic that `node` does not lead.
std::string topic_led_beside(SimCluster& cluster, NodeId node) {
  for (int i = 0; i < 10; ++i) {
    const std::string name = "topic-" + std::to_string(i);
    EXPECT_EQ(ask(cluster, NodeId(1), "REGISTER " + name), "OK");
    if (leader_of(cluster, name) != node) return name;
  }
  return {};
}

// The proposal of its earlier life lies with the Raft leader, which carries it out only when the segment has a record
// more than it says.
TEST(LeaderTrouble, ALoneLeaderThatRestartsWhileItsRollIsUnderWayLosesNothing) {
  SimCluster cluster({.seed = 7, .nodes = 3, .replication_factor = 1});
  ASSERT_TRUE(cluster.form());
  const NodeId raft_leader = *cluster.raft_leader();
  const std::string topic = topic_led_beside(cluster, raft_leader);
  ASSERT_FALSE(topic.empty());
  const NodeId leader = leader_of(cluster, topic);
  for (int i = 0; i < 45; ++i) ASSERT_EQ(ask(cluster, leader, "PUT " + topic + " old"), "OK");
  for (const NodeId id : cluster.ids()) {
    if (id != leader && id != raft_leader) cluster.kill_process(id);
  }
  cluster.world().run_for(1500ms);
  cluster.pause(raft_leader);
  std::string records;
  for (int i = 0; i < 10; ++i) {  // more than the segment has room for
    ASSERT_TRUE(protocol::append_record(records, {.place = {}, .key = {}, .headers = {}, .value = "new"}));
  }
  submit(cluster, leader, "MPUT " + topic + " 10\n" + records);
  cluster.world().run_for(20ms);
  cluster.kill_process(leader);
  cluster.world().run_for(100ms);
  cluster.restart(leader);
  cluster.world().run_for(30ms);
  cluster.resume(raft_leader);
  ASSERT_TRUE(cluster.world().run_until([&] { return cluster.node(leader)->ready(); }, 10s));
  std::string answer;
  for (int attempt = 0; attempt < 100 && !answer.starts_with("OK"); ++attempt) {
    answer = ask(cluster, leader, "APPEND " + topic + " precious");
    if (!answer.starts_with("OK")) cluster.world().run_for(1ms);
  }
  ASSERT_TRUE(answer.starts_with("OK")) << answer;
  cluster.world().run_for(3s);
  const auto found = values_of(ask(cluster, raft_leader, "FETCH " + topic + " " + answer.substr(2) + " max=1"));
  EXPECT_EQ(found, std::vector<std::string>{"precious"}) << "it was acknowledged";
}

struct Policies {
  const char* name;
  const char* node;
  const char* topic;
};

class HungDisk : public testing::TestWithParam<Policies> {};

TEST_P(HungDisk, OfALeaderIsLeftOutOfTheNextSegment) {
  SimCluster cluster({.seed = 10,
                      .nodes = 3,
                      .replication_factor = 3,
                      .segment_entries = 50,
                      .fsync = parse_sync_policy(GetParam().node).value()});
  ASSERT_TRUE(cluster.form());
  ASSERT_EQ(ask(cluster, NodeId(1), "REGISTER logs" + std::string(GetParam().topic)), "OK");
  const NodeId leader = leader_of(cluster, "logs");
  const NodeId other(leader == NodeId(1) ? 2 : 1);
  ASSERT_EQ(ask(cluster, other, "PUT logs x"), "OK");
  cluster.disk(leader).set_latency(24h, 24h);
  int errors = 0;
  for (int i = 0; i < 70 && errors < 10; ++i) errors += ask(cluster, other, "PUT logs y") == "OK" ? 0 : 1;
  EXPECT_LT(errors, 3);
  EXPECT_NE(leader_of(cluster, "logs"), leader);
}

INSTANTIATE_TEST_SUITE_P(LeaderTrouble, HungDisk,
                         testing::Values(Policies{"Always", "always", ""}, Policies{"NodeNever", "never", ""},
                                         Policies{"TopicNever", "always", " fsync=never"},
                                         Policies{"TopicAlwaysOnNodeNever", "never", " fsync=always"}),
                         [](const auto& each) { return each.param.name; });

// Its records are acknowledged by the other two. Nobody would ask for a roll before the segment is full.
TEST(LeaderTrouble, ALeaderWhoseDiskHangsGivesTheTopicAway) {
  SimCluster cluster({.seed = 8, .nodes = 3, .replication_factor = 3, .segment_entries = 1'000'000});
  ASSERT_TRUE(cluster.form());
  ASSERT_EQ(ask(cluster, NodeId(1), "REGISTER logs"), "OK");
  const NodeId leader = leader_of(cluster, "logs");
  const NodeId other(leader == NodeId(1) ? 2 : 1);
  ASSERT_EQ(ask(cluster, other, "PUT logs x"), "OK");
  cluster.disk(leader).set_latency(24h, 24h);
  EXPECT_EQ(ask(cluster, other, "PUT logs y"), "OK");
  EXPECT_TRUE(cluster.world().run_until([&] { return leader_of(cluster, "logs") != leader; }, 10s));
  EXPECT_EQ(ask(cluster, leader, "PUT logs z"), "OK") << "its clients are served by the next leader";
}

// All the writes that a disk takes at once hang, and they are other topics'. Of the last topics nothing is under way
// that anybody could miss.
TEST(LeaderTrouble, ALeaderWhoseDiskHangsForOthersGivesTheTopicAway) {
  SimCluster cluster({.seed = 8, .nodes = 3, .replication_factor = 3, .segment_entries = 1'000'000});
  ASSERT_TRUE(cluster.form());
  std::vector<std::string> led;  // by the first node
  for (int i = 0; led.size() < 14 && i < 60; ++i) {
    const std::string name = "t" + std::to_string(i);
    ASSERT_EQ(ask(cluster, NodeId(1), "REGISTER " + name), "OK");
    if (leader_of(cluster, name) == NodeId(1)) led.push_back(name);
  }
  ASSERT_EQ(led.size(), 14u) << "more than the logs of two shards write at once";
  cluster.disk(NodeId(1)).set_latency(24h, 24h);
  const std::string large(limits::kWalSmallWrite, 'x');
  std::vector<std::shared_ptr<Sink>> answers;
  for (const std::string& topic : led) {
    answers.push_back(submit(cluster, NodeId(1), "PUT " + topic + " " + large));
    cluster.world().run_for(10ms);
  }
  const auto answered = [](const auto& sink) { return sink->text.has_value(); };
  EXPECT_TRUE(cluster.world().run_until([&] { return std::ranges::all_of(answers, answered); }, 10s));
  for (const std::string& topic : led) {
    EXPECT_EQ(ask(cluster, NodeId(1), "PUT " + topic + " y"), "OK");
    EXPECT_NE(leader_of(cluster, topic), NodeId(1));
  }
}

}  // namespace
}  // namespace walrus::sim
