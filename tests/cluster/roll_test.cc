// Full segments: the next one opens on the next node, and no client sees anything of it.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/numbered_writer.h"
#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

class Roll : public ::testing::Test {
 protected:
  void SetUp() override { cluster_.start(); }
  void TearDown() override { ASSERT_NO_THROW(cluster_.stop()); }

  /// All of the topic's segments add up, and all but the last are sealed. Returns who led them.
  std::vector<int> expect_consistent_segments(std::size_t at, const std::string& topic, std::uint64_t total) {
    const auto state = cluster_.node(at).state(topic);
    std::vector<int> leaders;
    std::uint64_t entries = 0;
    const auto& segments = state.at("segments");
    for (std::size_t i = 0; i < segments.size(); ++i) {
      EXPECT_EQ(segments[i].at("segment_id"), i);
      EXPECT_EQ(segments[i].at("sealed"), i + 1 < segments.size());
      entries += segments[i].at("entry_count").get<std::uint64_t>();
      leaders.push_back(segments[i].at("leader_node"));
    }
    EXPECT_EQ(entries, total) << state;
    EXPECT_EQ(state.at("total_entries"), total) << state;
    return leaders;
  }

  Cluster cluster_{3, {{"WALRUS_MAX_SEGMENT_ENTRIES", "1000"}}};
};

TEST_F(Roll, Of3500PutsRoundRobinIsInvisible) {
  constexpr std::size_t kRecords = 3'500;
  ASSERT_EQ(cluster_.node(1).request("REGISTER logs"), "OK");
  std::vector<Connection> connections;
  for (std::size_t number = 1; number <= 3; ++number) connections.push_back(cluster_.node(number).connect());
  for (std::size_t i = 0; i < kRecords; ++i) {
    ASSERT_EQ(connections[i % 3].request("PUT logs " + std::to_string(i)), "OK") << "record " << i;
  }
  for (std::size_t number = 1; number <= 3; ++number) {
    const auto leaders = expect_consistent_segments(number, "logs", kRecords);
    EXPECT_GE(leaders.size(), 3U);
    EXPECT_EQ(std::set<int>(leaders.begin(), leaders.end()), (std::set<int>{1, 2, 3}));
    for (std::size_t i = 1; i < leaders.size(); ++i) EXPECT_NE(leaders[i], leaders[i - 1]) << "not round-robin";
  }
  Connection reader = cluster_.node(2).connect();
  EXPECT_EQ(judge(drain(reader, "logs"), 0, kRecords, kRecords), "");
}

TEST_F(Roll, UnderManyPipelinedWritersLosesAndRepeatsNothing) {
  constexpr std::uint64_t kEach = 3'000;
  ASSERT_EQ(cluster_.node(1).request("REGISTER logs"), "OK");
  // One writer at each node; each record says whose it is, so that order per connection can be checked.
  const auto write = [&](std::size_t number, std::string& problem) {
    Connection connection = cluster_.node(number).connect();
    std::uint64_t sent = 0;
    for (std::uint64_t answered = 0; answered < kEach; ++answered) {
      for (; sent < kEach && sent < answered + 50; ++sent) {
        connection.send("PUT logs " + std::to_string(number) + " " + std::to_string(sent));
      }
      const std::string reply = connection.receive();
      if (reply != "OK") {
        problem = "record " + std::to_string(answered) + ": " + reply;
        return;
      }
    }
  };
  std::vector<std::string> problems(3);
  std::vector<std::thread> writers;
  for (std::size_t w = 0; w < 3; ++w) writers.emplace_back([&, w] { write(w + 1, problems[w]); });
  for (std::thread& writer : writers) writer.join();
  for (const std::string& problem : problems) ASSERT_EQ(problem, "");

  const auto leaders = expect_consistent_segments(3, "logs", 3 * kEach);
  EXPECT_GE(leaders.size(), 6U);
  Connection reader = cluster_.node(1).connect();
  std::vector<std::uint64_t> next(4, 0);
  for (const std::string& payload : drain(reader, "logs")) {
    const std::size_t writer = static_cast<std::size_t>(payload.at(0) - '0');
    ASSERT_EQ(payload, std::to_string(writer) + " " + std::to_string(next.at(writer)));
    ++next[writer];
  }
  EXPECT_EQ(next, (std::vector<std::uint64_t>{0, kEach, kEach, kEach}));
}

TEST_F(Roll, CarriesTheCursorAlongExactly) {
  ASSERT_EQ(cluster_.node(1).request("REGISTER logs"), "OK");
  Connection writer = cluster_.node(1).connect();
  Connection reader = cluster_.node(3).connect();
  int read = 0;
  for (int i = 0; i < 2'500; ++i) {
    ASSERT_EQ(writer.request("PUT logs " + std::to_string(i)), "OK");
    if (i % 2 == 0) {
      ASSERT_EQ(reader.request("GET logs"), "OK " + std::to_string(read));
      ++read;
    }
  }
  EXPECT_EQ(cluster_.node(2).state("logs").at("cursor_position"), read);
  EXPECT_EQ(judge(drain(reader, "logs"), static_cast<std::uint64_t>(read), 2'500, 2'500), "");
}

}  // namespace
}  // namespace walrus::test
