// Three nodes as one service: what one node was told, all know; any node serves any topic.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/harness/node.h"
#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

class Topics : public ::testing::Test {
 protected:
  void SetUp() override { cluster_.start(); }
  void TearDown() override { ASSERT_NO_THROW(cluster_.stop()); }

  Cluster cluster_{3};
};

TEST_F(Topics, RegisteredAtOneNodeAreThereOnEachAtOnce) {
  for (int round = 0; round < 60; ++round) {
    const std::string topic = "topic-" + std::to_string(round);
    const std::size_t at = 1 + static_cast<std::size_t>(round) % 3;
    ASSERT_EQ(cluster_.node(at).request("REGISTER " + topic), "OK");
    for (std::size_t other = 1; other <= 3; ++other) {
      EXPECT_EQ(cluster_.node(other).request("GET " + topic), "EMPTY") << topic << " at node " << other;
    }
    EXPECT_EQ(cluster_.node(1 + at % 3).request("PUT " + topic + " x"), "OK") << topic;
  }
}

TEST_F(Topics, AreWrittenAtOneNodeAndReadAtAnother) {
  ASSERT_EQ(cluster_.node(1).request("REGISTER logs"), "OK");
  std::vector<Connection> connections;
  for (std::size_t number = 1; number <= 3; ++number) connections.push_back(cluster_.node(number).connect());
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string payload = "record " + std::to_string(i);
    ASSERT_EQ(connections[i % 3].request("PUT logs " + payload), "OK");
    ASSERT_EQ(connections[(i + 1) % 3].request("GET logs"), "OK " + payload);
  }
}

TEST_F(Topics, HaveOneCursorForAllNodes) {
  ASSERT_EQ(cluster_.node(2).request("REGISTER logs"), "OK");
  std::vector<Connection> connections;
  for (std::size_t number = 1; number <= 3; ++number) connections.push_back(cluster_.node(number).connect());
  for (int i = 0; i < 90; ++i) ASSERT_EQ(connections[0].request("PUT logs " + std::to_string(i)), "OK");
  for (std::size_t i = 0; i < 90; ++i) {
    ASSERT_EQ(connections[i % 3].request("GET logs"), "OK " + std::to_string(i)) << "at node " << 1 + i % 3;
  }
  for (Connection& connection : connections) EXPECT_EQ(connection.request("GET logs"), "EMPTY");
  for (std::size_t number = 1; number <= 3; ++number) {
    EXPECT_EQ(cluster_.node(number).state("logs").at("cursor_position"), 90);
  }
}

TEST_F(Topics, GiveEachRecordToOneOfManyReadersOnly) {
  constexpr int kRecords = 600;
  ASSERT_EQ(cluster_.node(1).request("REGISTER logs"), "OK");
  Connection writer = cluster_.node(1).connect();
  for (int i = 0; i < kRecords; ++i) ASSERT_EQ(writer.request("PUT logs " + std::to_string(i)), "OK");
  // All requests are on their way before the first reply is read.
  std::vector<Connection> readers;
  for (std::size_t r = 0; r < 9; ++r) readers.push_back(cluster_.node(1 + r % 3).connect());
  std::string gets;
  for (int i = 0; i < kRecords / 9 + 1; ++i) gets += frame("GET logs");
  for (Connection& reader : readers) reader.send_bytes(gets);
  std::set<std::string> seen;
  for (Connection& reader : readers) {
    int last = -1;
    for (int i = 0; i < kRecords / 9 + 1; ++i) {
      const std::string reply = reader.receive();
      if (reply == "EMPTY") continue;
      const std::string payload = ok_payload(reply);
      EXPECT_TRUE(seen.insert(payload).second) << payload << " came twice";
      EXPECT_GT(std::stoi(payload), last) << "out of order on one connection";
      last = std::stoi(payload);
    }
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kRecords));
}

TEST_F(Topics, SpreadOverTheNodes) {
  std::set<int> leaders;
  for (int t = 0; t < 12; ++t) {
    const std::string topic = "topic-" + std::to_string(t);
    ASSERT_EQ(cluster_.node(1).request("REGISTER " + topic), "OK");
    leaders.insert(cluster_.node(1).state(topic).at("segments")[0].at("leader_node").get<int>());
  }
  EXPECT_EQ(leaders, (std::set<int>{1, 2, 3}));
}

TEST_F(Topics, PipelinedThroughANodeThatDoesNotLeadStayInOrder) {
  ASSERT_EQ(cluster_.node(1).request("REGISTER logs"), "OK");
  const int leader = cluster_.node(1).state("logs").at("segments")[0].at("leader_node");
  const std::size_t other = leader == 1 ? 2 : 1;
  Connection connection = cluster_.node(other).connect();
  std::string bytes;
  for (int i = 0; i < 2'000; ++i) bytes += frame("PUT logs " + std::to_string(i));
  for (int i = 0; i < 2'000; ++i) bytes += frame("GET logs");
  connection.send_bytes(bytes);
  for (int i = 0; i < 2'000; ++i) ASSERT_EQ(connection.receive(), "OK") << i;
  for (int i = 0; i < 2'000; ++i) ASSERT_EQ(connection.receive(), "OK " + std::to_string(i));
}

TEST_F(Topics, MetricsAgreeOnOneLeader) {
  const std::uint64_t leader = cluster_.raft_leader(1);
  EXPECT_EQ(cluster_.raft_leader(2), leader);
  EXPECT_EQ(cluster_.raft_leader(3), leader);
  int leaders = 0;
  for (std::size_t number = 1; number <= 3; ++number) {
    const auto metrics = cluster_.node(number).metrics();
    EXPECT_EQ(metrics.at("node_id"), number);
    EXPECT_EQ(metrics.at("cluster_size"), 3);
    if (metrics.at("state") != "Leader") {
      EXPECT_EQ(metrics.at("state"), "Follower");
      continue;
    }
    ++leaders;
    EXPECT_EQ(metrics.at("node_id"), leader);
    ASSERT_EQ(metrics.at("peers").size(), 2U);
    for (const auto& peer : metrics.at("peers")) {
      EXPECT_TRUE(peer.contains("node_id") && peer.contains("match_index") && peer.contains("next_index")) << peer;
    }
  }
  EXPECT_EQ(leaders, 1);
}

}  // namespace
}  // namespace walrus::test
