// Nodes that lose their disks, and nodes that are to go: the copies of what they held are made again, and all is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <signal.h>
#include <string>

#include "tests/harness/node.h"

namespace walrus::test {
namespace {

using nlohmann::json;

constexpr int kRecords = 450;  // of 100 in a segment

const std::map<std::string, std::string> kSettings{
    {"WALRUS_MAX_SEGMENT_ENTRIES", "100"}, {"WALRUS_MONITOR_CHECK_MS", "200"}, {"WALRUS_REPAIR_GRACE_S", "1"}};

class Repair : public ::testing::Test {
 protected:
  void start(std::size_t nodes) {
    cluster_ = std::make_unique<Cluster>(nodes, kSettings);
    cluster_->start();
  }
  Node& node(std::size_t number) { return cluster_->node(number); }

  void write_all() {
    ASSERT_EQ(node(1).request("REGISTER logs replicas=3"), "OK");
    Connection writer = node(1).connect();
    for (int i = 0; i < kRecords; ++i) ASSERT_EQ(writer.request("PUT logs record-" + std::to_string(i)), "OK");
  }
  void expect_all_at(std::size_t number) {
    Connection reader = node(number).connect();
    for (int i = 0; i < kRecords; ++i) ASSERT_EQ(reader.request("GET logs"), "OK record-" + std::to_string(i));
    EXPECT_EQ(reader.request("GET logs"), "EMPTY");
  }
  /// What NODES of node 1 says about a node; null when it is not there.
  json seen(std::uint64_t number) {
    const json nodes = json::parse(ok_payload(node(1).request("NODES")));
    for (const json& each : nodes) {
      if (each.at("node_id") == number) return each;
    }
    return nullptr;
  }
  bool every_segment_has(std::size_t replicas) {
    const std::string state = node(1).request("STATE logs");
    if (!state.starts_with("OK ")) return false;
    return std::ranges::all_of(json::parse(ok_payload(state)).at("segments"),
                               [&](const json& segment) { return segment.at("replicas").size() == replicas; });
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(Repair, AWipedNodeGetsItsCopiesBack) {
  start(3);
  write_all();
  const json before = seen(3);
  node(3).kill_hard();
  std::filesystem::remove_all(node(3).folder());
  node(3).start_and_wait();  // the same command line
  EXPECT_NE(seen(3).at("disk_id"), before.at("disk_id"));
  ASSERT_TRUE(eventually([&] { return every_segment_has(3); })) << node(1).request("STATE logs");
  EXPECT_GE(seen(3).at("sealed_records_held"), 400);
  EXPECT_EQ(node(1).metrics().at("lost_segments"), 0);
  // Node 1 knows of a copy before the node that made it has heard that it is listed.
  EXPECT_TRUE(eventually([&] { return node(3).metrics().at("repair").at("copies_made") >= 4; }));
}

TEST_F(Repair, ADrainedNodeHoldsNothingAndMayBeRemoved) {
  start(4);
  write_all();
  EXPECT_THAT(node(3).request("REMOVE 2"), testing::HasSubstr("segments that have fewer copies elsewhere"));
  ASSERT_EQ(node(3).request("DRAIN 2"), "OK");
  ASSERT_TRUE(eventually([&] {
    const json two = seen(2);
    return two.at("segments_led") == 0 && two.at("replicas_held") == 0;
  })) << seen(2);
  EXPECT_TRUE(every_segment_has(3));
  ASSERT_EQ(node(3).request("REMOVE 2"), "OK");
  const auto ended = node(2).wait_until_ended();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 4) << "it was told";
  EXPECT_TRUE(eventually([&] { return node(1).metrics().at("cluster_size") == 3; }));
  expect_all_at(4);
}

TEST_F(Repair, ANodeThatSleptThroughItsRemovalIsToldWhenItWakes) {
  start(4);
  write_all();
  ASSERT_EQ(node(3).request("DRAIN 2"), "OK");
  ASSERT_TRUE(eventually([&] { return seen(2).at("replicas_held") == 0; })) << seen(2);
  ASSERT_EQ(::kill(node(2).pid(), SIGSTOP), 0);
  ASSERT_EQ(node(3).request("REMOVE 2"), "OK");
  ASSERT_TRUE(eventually([&] { return node(1).metrics().at("cluster_size") == 3; }));
  // No leader that removed it is there any more to tell it.
  for (const std::size_t number : {1, 3, 4}) {
    node(number).kill_hard();
    node(number).start_and_wait();
  }
  ASSERT_EQ(::kill(node(2).pid(), SIGCONT), 0);
  const auto ended = node(2).wait_until_ended();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 4);
  EXPECT_THAT(node(2).errors(), testing::HasSubstr("was removed from the cluster"));
  node(2).start();
  EXPECT_EQ(node(2).wait_until_ended().value_or(Ended{}).code, 4) << "nor does it come back with this disk";
}

TEST_F(Repair, WhatANodeHeldThatStaysAwayIsCopiedElsewhere) {
  start(4);
  write_all();
  node(2).kill_hard();
  ASSERT_TRUE(eventually([&] {
    return seen(2).at("state") == "down" && seen(2).at("replicas_held") == 0 && every_segment_has(3);
  })) << seen(2)
      << node(1).request("STATE logs");
  expect_all_at(4);
}

}  // namespace
}  // namespace walrus::test
