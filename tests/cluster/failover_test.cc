// Replicated topics whose nodes are killed, frozen or wiped: they go on elsewhere, nothing acknowledged is lost, and
// who cannot know says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <signal.h>
#include <string>
#include <thread>

#include "tests/harness/numbered_writer.h"
#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using namespace std::chrono_literals;

class Failover : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_.start();
    std::string reply;
    ASSERT_TRUE(eventually([&] { return (reply = cluster_.node(1).request("REGISTER logs replicas=3")) == "OK"; }))
        << reply;
    ASSERT_TRUE(eventually([&] { return segments(1).back().at("replicas").size() == 3; })) << segments(1).dump();
  }
  void TearDown() override { ASSERT_NO_THROW(cluster_.stop()); }

  nlohmann::json segments(std::size_t at) { return cluster_.node(at).state("logs").at("segments"); }
  std::size_t leader() { return segments(1).back().at("leader_node"); }
  std::size_t other_than(std::size_t node, std::size_t second = 0) {
    for (std::size_t other = 1; other <= 3; ++other) {
      if (other != node && other != second) return other;
    }
    return 0;
  }
  void freeze(std::size_t node) { ASSERT_EQ(::kill(cluster_.node(node).pid(), SIGSTOP), 0); }
  void thaw(std::size_t node) { ASSERT_EQ(::kill(cluster_.node(node).pid(), SIGCONT), 0); }

  /// The reply to a request that changes nothing, as soon as it is no error.
  std::string request_until_served(std::size_t at, const std::string& text) {
    std::string reply;
    eventually([&] {
      reply = cluster_.node(at).request(text);
      return !reply.starts_with("ERR ");
    });
    return reply;
  }
  /// PUTs until one is OK; what it puts is in no read_all().
  std::string probe_until_served(std::size_t at) { return request_until_served(at, "PUT logs " + kProbe); }
  /// PUTs 0, 1, 2 … below `count` at a node, each answered OK.
  void put_all(std::size_t at, const std::string& prefix, std::uint64_t count) {
    Connection connection = cluster_.node(at).connect();
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(connection.request("PUT logs " + prefix + std::to_string(i)), "OK");
    }
  }
  std::vector<std::string> read_all(std::size_t at) {
    Connection reader = cluster_.node(at).connect();
    auto log = drain(reader, "logs");
    std::erase(log, kProbe);
    return log;
  }

  const std::string kProbe = "probe";

  Cluster cluster_{3};
};

TEST_F(Failover, OfAKilledLeaderGoesOnOnTheOthersAndLosesNothing) {
  const std::size_t victim = leader();
  const std::size_t writing = other_than(victim);
  NumberedWriter first(cluster_.node(writing).client_port(), "logs", "first-");
  std::thread thread([&] { first.run(); });
  const bool reached = eventually([&] { return first.acknowledged() >= 2'000; });
  cluster_.node(victim).kill_hard();
  thread.join();  // what was under way is of unknown outcome, which ends this writer
  ASSERT_TRUE(reached) << first.refusal();

  ASSERT_EQ(probe_until_served(writing), "OK");
  put_all(writing, "second-", 1);
  const std::size_t reading = other_than(victim, writing);
  const Written second{.prefix = "second-", .acknowledged = 1, .sent = 1};
  EXPECT_EQ(judge_all(read_all(reading), {first.written(), second}), "") << "with one node down";
  cluster_.node(victim).start();
  cluster_.wait_until_formed();
  EXPECT_EQ(request_until_served(victim, "GET logs"), "EMPTY") << "the one that was killed";
}

TEST_F(Failover, OfAnyNodeInTurnKeepsATopicThatIsReadAtTheEnd) {
  std::vector<Written> writers;
  for (std::size_t victim = 1; victim <= 3; ++victim) {
    const std::string prefix = "round-" + std::to_string(victim) + "-";
    const std::size_t writing = other_than(victim);
    ASSERT_EQ(probe_until_served(writing), "OK");
    NumberedWriter writer(cluster_.node(writing).client_port(), "logs", prefix);
    std::thread thread([&] { writer.run(); });
    const bool reached = eventually([&] { return writer.acknowledged() >= 1'000; });
    cluster_.node(victim).kill_hard();
    cluster_.node(victim).start();
    cluster_.wait_until_formed();
    writer.stop();
    thread.join();
    ASSERT_TRUE(reached) << writer.refusal();
    writers.push_back(writer.written());
  }
  ASSERT_EQ(probe_until_served(1), "OK");
  EXPECT_EQ(judge_all(read_all(2), writers), "");
}

TEST_F(Failover, OfAFrozenLeaderLeavesItNothingToAcknowledgeWhenItWakesUp) {
  const std::size_t frozen = leader();
  const std::size_t other = other_than(frozen);
  put_all(frozen, "before-", 50);

  freeze(frozen);
  Connection asleep(cluster_.node(frozen).client_port());
  constexpr std::uint64_t kSent = 50;
  std::string frames;
  for (std::uint64_t i = 0; i < kSent; ++i) frames += frame("PUT logs asleep-" + std::to_string(i));
  asleep.send_bytes(frames);  // these wait in the kernel for the one that believes to be the leader
  const std::string reply = probe_until_served(other);
  const auto sealed = segments(other).front();
  thaw(frozen);
  ASSERT_EQ(reply, "OK");
  ASSERT_TRUE(sealed.at("sealed").get<bool>()) << sealed.dump();

  std::set<std::string> acknowledged;
  std::set<std::string> refused;
  for (std::uint64_t i = 0; i < kSent; ++i) {
    const std::string answer = asleep.receive();
    if (answer == "OK") acknowledged.insert("asleep-" + std::to_string(i));
    if (answer != "OK" && !answer.starts_with("ERR outcome unknown")) refused.insert("asleep-" + std::to_string(i));
  }
  // Whatever it said OK to went to the next segment; the sealed one is as it was.
  EXPECT_EQ(segments(frozen).front(), sealed);
  const auto log = read_all(other);
  EXPECT_EQ(std::ranges::count_if(log, [](const auto& record) { return record.starts_with("before-"); }), 50);
  for (const std::string& record : acknowledged) EXPECT_EQ(std::ranges::count(log, record), 1) << record;
  for (const std::string& record : refused) EXPECT_EQ(std::ranges::count(log, record), 0) << record;
}

TEST_F(Failover, OfAFrozenLeaderCostsWritersOnePauseAndThenNothing) {
  const std::size_t frozen = leader();
  Connection connection = cluster_.node(other_than(frozen)).connect();
  put_all(frozen, "before-", 10);
  freeze(frozen);
  std::vector<std::chrono::steady_clock::duration> waits;
  const auto began = std::chrono::steady_clock::now();
  for (auto asked = began; asked < began + 8s;) {
    const std::string reply = connection.request("PUT logs " + kProbe);
    const auto answered = std::chrono::steady_clock::now();
    waits.push_back(answered - asked);
    asked = answered;
    EXPECT_TRUE(reply == "OK" || waits.size() == 1) << reply << " to PUT " << waits.size();
  }
  thaw(frozen);
  ASSERT_GT(waits.size(), 100u);
  std::ranges::sort(waits, std::greater());
  EXPECT_LT(waits[0], 4s) << "until somebody else leads";
  EXPECT_LT(waits[1], 1s) << "when somebody else leads";
}

TEST_F(Failover, OfAFrozenFollowerIsNoneAndWritersGoOn) {
  const std::size_t frozen = other_than(leader());
  const std::size_t writing = other_than(frozen);
  put_all(writing, "before-", 10);
  freeze(frozen);
  NumberedWriter writer(cluster_.node(writing).client_port(), "logs", "while-");
  std::thread thread([&] { writer.run(); });
  // Far more than a leader keeps for a follower that does not answer.
  const bool reached = eventually([&] { return writer.acknowledged() >= 20'000; });
  writer.stop();
  thread.join();
  thaw(frozen);
  EXPECT_TRUE(reached) << writer.refusal();
  EXPECT_EQ(writer.refusal(), "");
  const Written before{.prefix = "before-", .acknowledged = 10, .sent = 10};
  ASSERT_EQ(request_until_served(frozen, "STATE logs").substr(0, 3), "OK ");
  EXPECT_EQ(judge_all(read_all(frozen), {before, writer.written()}), "");
}

TEST_F(Failover, IsNotPossibleWithTwoOfThreeGoneAndEveryPutHearsSo) {
  const std::size_t left = leader();
  const std::size_t second = other_than(left);
  const std::size_t third = other_than(left, second);
  put_all(left, "before-", 20);
  cluster_.node(second).kill_hard();
  cluster_.node(third).kill_hard();

  Connection connection = cluster_.node(left).connect();
  std::set<std::string> refused;
  for (int i = 0; i < 3; ++i) {
    const std::string record = "alone-" + std::to_string(i);
    const std::string reply = connection.request("PUT logs " + record);
    EXPECT_TRUE(reply.starts_with("ERR ")) << reply;
    if (!reply.starts_with("ERR outcome unknown")) refused.insert(record);
  }
  cluster_.node(second).start();
  EXPECT_EQ(probe_until_served(left), "OK");
  put_all(left, "after-", 1);
  const auto log = read_all(left);
  EXPECT_EQ(std::ranges::count_if(log, [](const auto& record) { return record.starts_with("before-"); }), 20);
  EXPECT_EQ(std::ranges::count(log, "after-0"), 1);
  for (const std::string& record : refused) EXPECT_EQ(std::ranges::count(log, record), 0) << record;
  cluster_.node(third).start();
  cluster_.wait_until_formed();
}

TEST_F(Failover, OfALeaderWhoseDiskIsWipedLosesNothing) {
  const std::size_t victim = leader();
  const std::size_t writing = other_than(victim);
  put_all(writing, "before-", 500);
  cluster_.node(victim).kill_hard();
  std::filesystem::remove_all(cluster_.node(victim).folder());
  ASSERT_EQ(probe_until_served(writing), "OK");
  put_all(writing, "after-", 1);
  cluster_.node(victim).options().join = cluster_.node(writing).raft_address();
  cluster_.node(victim).start();
  cluster_.wait_until_formed();
  ASSERT_EQ(request_until_served(victim, "STATE logs").substr(0, 3), "OK ");
  const Written before{.prefix = "before-", .acknowledged = 500, .sent = 500};
  const Written after{.prefix = "after-", .acknowledged = 1, .sent = 1};
  EXPECT_EQ(judge_all(read_all(victim), {before, after}), "");
}

}  // namespace
}  // namespace walrus::test
