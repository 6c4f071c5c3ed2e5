// Nodes of a cluster that are killed and come back: nothing acknowledged is lost, and the rest goes on.
#include <gtest/gtest.h>

#include <fstream>
#include <signal.h>
#include <string>
#include <thread>

#include "tests/harness/numbered_writer.h"
#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

class Crash : public ::testing::Test {
 protected:
  void SetUp() override { cluster_.start(); }
  void TearDown() override { ASSERT_NO_THROW(cluster_.stop()); }

  /// Registers topics until one is led by `node`; its name.
  std::string topic_led_by(std::size_t node) {
    for (int t = 0; t < 20; ++t) {
      const std::string topic = "on-" + std::to_string(node) + "-" + std::to_string(t);
      if (cluster_.node(1).request("REGISTER " + topic) != "OK") break;
      if (cluster_.node(1).state(topic).at("segments")[0].at("leader_node") == node) return topic;
    }
    throw std::runtime_error("no topic found that node " + std::to_string(node) + " leads");
  }

  /// The reply to a request as soon as it is no error that says "try again".
  std::string request_until_served(std::size_t at, const std::string& text) {
    std::string reply;
    eventually([&] {
      reply = cluster_.node(at).request(text);
      return !reply.starts_with("ERR ");
    });
    return reply;
  }

  Cluster cluster_{3};
};

TEST_F(Crash, OfASegmentsLeaderUnderLoadLosesNothingAcknowledged) {
  const std::string topic = topic_led_by(3);
  NumberedWriter writer(cluster_.node(1).client_port(), topic);  // forwarded from 1 to 3
  std::thread thread([&] { writer.run(); });
  const bool reached = eventually([&] { return writer.acknowledged() >= 2'000; });
  cluster_.node(3).kill_hard();
  writer.stop();  // it may not even have noticed
  thread.join();
  ASSERT_TRUE(reached) << writer.refusal();

  cluster_.node(3).start();
  cluster_.wait_until_formed();
  ASSERT_EQ(request_until_served(2, "PUT " + topic + " last-0"), "OK");
  Connection reader = cluster_.node(2).connect();
  const Written last = {.prefix = "last-", .acknowledged = 1, .sent = 1};
  EXPECT_EQ(judge_all(drain(reader, topic), {writer.written(), last}), "");
}

TEST_F(Crash, OfAFollowerLeavesTheOthersWorking) {
  const std::size_t raft_leader = cluster_.raft_leader();
  const std::size_t victim = raft_leader == 3 ? 2 : 3;
  const std::size_t survivor = 6 - victim - raft_leader;
  const std::string topic = topic_led_by(survivor);
  cluster_.node(victim).kill_hard();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(cluster_.node(raft_leader).request("PUT " + topic + " " + std::to_string(i)), "OK");
  }
  ASSERT_EQ(request_until_served(survivor, "REGISTER new-topic"), "OK");
  cluster_.node(victim).start();
  cluster_.wait_until_formed();
  EXPECT_EQ(request_until_served(victim, "STATE new-topic").substr(0, 3), "OK ");
  Connection reader = cluster_.node(victim).connect();
  EXPECT_EQ(judge(drain(reader, topic), 0, 100, 100), "");
}

TEST_F(Crash, OfTheRaftLeaderElectsAnother) {
  const std::size_t victim = cluster_.raft_leader();
  const std::size_t other = victim == 1 ? 2 : 1;
  cluster_.node(victim).kill_hard();
  const bool elected = eventually([&] {
    const auto leader = cluster_.node(other).metrics().at("leader_id");
    return leader.is_number() && leader != 0 && leader != victim;
  });
  ASSERT_TRUE(elected);
  EXPECT_EQ(request_until_served(other, "REGISTER after"), "OK");
  cluster_.node(victim).start();
  cluster_.wait_until_formed();
  EXPECT_EQ(cluster_.node(victim).request("GET after").substr(0, 5), "EMPTY");
}

TEST_F(Crash, OfAllNodesAtOnceKeepsEverything) {
  std::vector<std::string> topics;
  for (std::size_t node = 1; node <= 3; ++node) topics.push_back(topic_led_by(node));
  for (const std::string& topic : topics) {
    Connection connection = cluster_.node(1).connect();
    for (int i = 0; i < 200; ++i) ASSERT_EQ(connection.request("PUT " + topic + " " + std::to_string(i)), "OK");
  }
  cluster_.kill_hard();
  cluster_.start();
  for (const std::string& topic : topics) {
    ASSERT_EQ(request_until_served(2, "PUT " + topic + " 200"), "OK");
    Connection connection = cluster_.node(3).connect();
    EXPECT_EQ(judge(drain(connection, topic), 0, 201, 201), "") << topic;
  }
}

TEST_F(Crash, NoneButACleanRestartOfAllKeepsCursorsExactly) {
  std::vector<std::string> topics;
  for (std::size_t node = 1; node <= 3; ++node) topics.push_back(topic_led_by(node));
  for (const std::string& topic : topics) {
    Connection connection = cluster_.node(2).connect();
    for (int i = 0; i < 50; ++i) ASSERT_EQ(connection.request("PUT " + topic + " " + std::to_string(i)), "OK");
    for (int i = 0; i < 20; ++i) ASSERT_EQ(connection.request("GET " + topic), "OK " + std::to_string(i));
  }
  cluster_.stop();
  cluster_.start();
  for (const std::string& topic : topics) {
    ASSERT_EQ(request_until_served(1, "STATE " + topic).substr(0, 3), "OK ");
    EXPECT_EQ(cluster_.node(1).state(topic).at("cursor_position"), 20) << topic;
    EXPECT_EQ(request_until_served(3, "GET " + topic), "OK 20") << topic;
  }
}

TEST_F(Crash, NoneButARollingRestartKeepsCursorsExactly) {
  std::vector<std::string> topics;
  for (std::size_t node = 1; node <= 3; ++node) topics.push_back(topic_led_by(node));
  for (const std::string& topic : topics) {
    Connection connection = cluster_.node(2).connect();
    for (int i = 0; i < 50; ++i) ASSERT_EQ(connection.request("PUT " + topic + " " + std::to_string(i)), "OK");
    for (int i = 0; i < 20; ++i) ASSERT_EQ(connection.request("GET " + topic), "OK " + std::to_string(i));
  }
  for (std::size_t number = 1; number <= 3; ++number) {
    cluster_.node(number).stop();
    cluster_.node(number).start();
    cluster_.wait_until_formed();
  }
  for (const std::string& topic : topics) EXPECT_EQ(request_until_served(3, "GET " + topic), "OK 20") << topic;
}

TEST_F(Crash, OfANodeRestartedAgainAndAgainUnderLoadLosesNothing) {
  const std::string topic = topic_led_by(2);
  std::vector<Written> writers;
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(request_until_served(3, "STATE " + topic).substr(0, 3), "OK ");
    NumberedWriter writer(cluster_.node(3).client_port(), topic, "round-" + std::to_string(round) + "-");
    std::thread thread([&] { writer.run(); });
    const bool reached = eventually([&] { return writer.acknowledged() >= 1'000; });
    cluster_.node(2).kill_hard();
    writer.stop();
    thread.join();
    ASSERT_TRUE(reached) << writer.refusal();
    writers.push_back(writer.written());
    cluster_.node(2).start();
    cluster_.wait_until_formed();
  }
  ASSERT_EQ(request_until_served(1, "STATE " + topic).substr(0, 3), "OK ");
  Connection reader = cluster_.node(1).connect();
  EXPECT_EQ(judge_all(drain(reader, topic), writers), "");
}

/// Whether a process has handlers for SIGTERM, as the kernel knows.
bool catches_sigterm(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigCgt:")) continue;
    return (std::stoull(line.substr(7), nullptr, 16) >> (SIGTERM - 1) & 1) != 0;
  }
  return false;
}

TEST(Stop, ANodeThatIsAskedToStopWhileItStartsStopsCleanly) {
  Cluster cluster(1);
  cluster.start();
  cluster.stop();
  for (int round = 0; round < 5; ++round) {
    cluster.node(1).start();
    while (!catches_sigterm(cluster.node(1).pid())) ASSERT_TRUE(cluster.node(1).running());
    cluster.node(1).stop();  // throws unless it ends with 0
  }
}

}  // namespace
}  // namespace walrus::test
