// OK means durable: what a single node keeps over a clean restart and over kill -9 at any moment under load.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>

#include "tests/harness/numbered_writer.h"
#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using Durability = SingleNode;

TEST_F(Durability, RecordsAndTheExactCursorSurviveACleanRestart) {
  {
    Connection connection = node_.connect();
    ASSERT_EQ(connection.request("REGISTER logs"), "OK");
    for (int i = 0; i < 100; ++i) ASSERT_EQ(connection.request("PUT logs " + std::to_string(i)), "OK");
    for (int i = 0; i < 37; ++i) ASSERT_EQ(connection.request("GET logs"), "OK " + std::to_string(i));
  }
  node_.stop();
  node_.start_and_wait();
  EXPECT_EQ(node_.state("logs").at("cursor_position"), 37);
  Connection connection = node_.connect();
  const auto rest = drain(connection, "logs");
  EXPECT_EQ(judge(rest, 37, 100, 100), "");
}

TEST_F(Durability, AKillMayRepeatRecordsToAReaderButNeverSkipsOne) {
  int read = 0;
  {
    Connection connection = node_.connect();
    ASSERT_EQ(connection.request("REGISTER logs"), "OK");
    for (int i = 0; i < 300; ++i) ASSERT_EQ(connection.request("PUT logs " + std::to_string(i)), "OK");
    for (; read < 200; ++read) ASSERT_EQ(connection.request("GET logs"), "OK " + std::to_string(read));
  }
  node_.kill_hard();
  node_.start_and_wait();
  const std::uint64_t cursor = node_.state("logs").at("cursor_position");
  EXPECT_LE(cursor, 200U);
  Connection connection = node_.connect();
  const auto rest = drain(connection, "logs");
  EXPECT_EQ(judge(rest, cursor, 300, 300), "");
}

TEST_F(Durability, AKillAtAnyMomentUnderLoadLosesNothingAcknowledged) {
  std::random_device chance;
  const auto seed = chance();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  ASSERT_EQ(node_.request("REGISTER logs"), "OK");

  std::uint64_t acknowledged = 0;
  std::uint64_t sent = 0;
  for (int round = 0; round < 5; ++round) {
    // What the last kill left in doubt decides where the numbers go on.
    const std::uint64_t stored = node_.state("logs").at("total_entries");
    ASSERT_GE(stored, acknowledged) << "round " << round;
    ASSERT_LE(stored, sent) << "round " << round;
    NumberedWriter writer(node_.client_port(), "logs", {}, stored);
    const std::uint64_t goal = stored + 1 + random() % 3'000;
    std::thread thread([&] { writer.run(); });
    const bool reached = eventually([&] { return writer.acknowledged() >= goal; });
    node_.kill_hard();
    thread.join();
    ASSERT_TRUE(reached) << "the writer is stuck at " << writer.acknowledged() << " of " << goal << writer.refusal();
    acknowledged = writer.written().acknowledged;
    sent = writer.written().sent;
    node_.start_and_wait();
  }
  Connection connection = node_.connect();
  const auto all = drain(connection, "logs");
  EXPECT_EQ(judge(all, 0, acknowledged, sent), "");
  EXPECT_EQ(node_.state("logs").at("total_entries"), all.size());
}

TEST_F(Durability, ManyTopicsSurviveAKillTogether) {
  constexpr int kTopics = 50;
  Connection connection = node_.connect();
  for (int t = 0; t < kTopics; ++t) ASSERT_EQ(connection.request("REGISTER topic-" + std::to_string(t)), "OK");
  for (int i = 0; i < 20; ++i) {
    std::string bytes;
    for (int t = 0; t < kTopics; ++t) bytes += frame("PUT topic-" + std::to_string(t) + " " + std::to_string(i));
    connection.send_bytes(bytes);
    for (int t = 0; t < kTopics; ++t) ASSERT_EQ(connection.receive(), "OK");
  }
  node_.kill_hard();
  node_.start_and_wait();
  connection = node_.connect();
  for (int t = 0; t < kTopics; ++t) {
    EXPECT_EQ(judge(drain(connection, "topic-" + std::to_string(t)), 0, 20, 20), "") << "topic " << t;
  }
}

TEST_F(Durability, AFullSegmentRollsAndNothingIsLostOrReordered) {
  node_.stop();
  node_.options().environment["WALRUS_MAX_SEGMENT_ENTRIES"] = "100";
  node_.start_and_wait();
  ASSERT_EQ(node_.request("REGISTER logs"), "OK");
  NumberedWriter writer(node_.client_port(), "logs");
  std::thread thread([&] { writer.run(); });
  const bool reached = eventually([&] { return writer.acknowledged() >= 1'000; });
  writer.stop();
  thread.join();
  ASSERT_TRUE(reached) << writer.refusal();
  ASSERT_EQ(writer.refusal(), "");

  const auto state = node_.state("logs");
  EXPECT_GE(state.at("segments").size(), 5U);
  EXPECT_EQ(state.at("total_entries"), writer.acknowledged());
  std::uint64_t entries = 0;
  std::uint64_t id = 0;
  for (const auto& segment : state.at("segments")) {
    EXPECT_EQ(segment.at("segment_id"), id++);
    EXPECT_EQ(segment.at("sealed"), id < state.at("segments").size());
    entries += segment.at("entry_count").get<std::uint64_t>();
  }
  EXPECT_EQ(entries, writer.acknowledged());

  node_.kill_hard();
  node_.start_and_wait();
  Connection connection = node_.connect();
  EXPECT_EQ(judge(drain(connection, "logs"), 0, writer.acknowledged(), writer.acknowledged()), "");
}

}  // namespace
}  // namespace walrus::test
