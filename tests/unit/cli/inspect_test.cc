#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/posix_disk.h"
#include "storage/layout.h"
#include "storage/promise_table.h"
#include "storage/record_batch.h"
#include "tests/unit/cli/program.h"

namespace walrus::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// A node's directory with one open segment of two batches, written as the engine lays it down.
class Inspect : public ::testing::Test {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/walrus-inspect-test-XXXXXX";
    ASSERT_NE(::mkdtemp(directory), nullptr);
    data_ = directory;
    node_ = data_ + "/node_1";
    std::filesystem::create_directories(storage::layout::topic_directory(node_, kKey.topic));
    bytes_ = batch(0, {"first", "second"}) + batch(2, {"third"});
    write_segment(bytes_);
  }
  void TearDown() override { std::filesystem::remove_all(data_); }

  static std::string batch(std::uint64_t base, const std::vector<std::string>& records) {
    storage::BatchBuilder builder;
    for (const auto& record : records) builder.add(record, 1'795'310'419'978);
    return builder.finish(Offset(base));
  }
  void write_segment(const std::string& bytes) const {
    std::ofstream(storage::layout::segment_log(node_, kKey), std::ios::binary | std::ios::trunc) << bytes;
  }
  std::string file_bytes() const {
    std::ifstream file(storage::layout::segment_log(node_, kKey), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static constexpr storage::SegmentKey kKey{TopicId(7), SegmentId(0)};
  std::string data_;
  std::string node_;
  std::string bytes_;
};

TEST_F(Inspect, ShowsSegmentsAndBatchesOfEveryNodeInTheDirectory) {
  const Outcome outcome = run_program({"inspect", data_, "--verify", "--batches"});
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(node_ + ": 1 segment of 1 topic, 3 records"), HasSubstr("open"),
                                 HasSubstr("2026-11-22T01:20:19.978Z"), HasSubstr("no damage\n"), HasSubstr("/s\n")));
}

TEST_F(Inspect, JsonSaysTheSameAndTheNodeMayBeNamedItself) {
  const Outcome outcome = run_program({"inspect", node_, "--verify", "--batches", "--json"});
  EXPECT_EQ(outcome.status, 0);
  const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << outcome.out;
  EXPECT_EQ(json["damaged"], false);
  const auto& segment = json["nodes"][0]["segments"][0];
  EXPECT_EQ(segment["topic_id"], 7);
  EXPECT_EQ(segment["end_offset"], 3);
  EXPECT_EQ(segment["batches"].size(), 2U);
  EXPECT_EQ(segment["batches"][1]["base_offset"], 2);
}

TEST_F(Inspect, ShowsWhatReplicasHavePromised) {
  storage::PromiseTable table;
  table.promise(kKey, Epoch(12));
  std::ofstream(storage::layout::node_promises(node_), std::ios::binary) << table.encode();
  EXPECT_THAT(run_program({"inspect", data_}).out,
              HasSubstr("promise: topic 7 segment 0 takes nothing below epoch 12\n"));
  const auto json = nlohmann::json::parse(run_program({"inspect", data_, "--json"}).out, nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  const auto& promises = json["nodes"][0]["promises"];
  EXPECT_EQ(promises["promised"][0]["epoch"], 12);
  EXPECT_TRUE(promises["lost_through_topic"].is_null());
}

TEST_F(Inspect, DamageIsNamedAndMakesTheStatusOneAndNothingIsChanged) {
  std::string rotten = bytes_;
  rotten[rotten.size() / 2] = static_cast<char>(rotten[rotten.size() / 2] ^ 0x40);
  write_segment(rotten);
  const Outcome outcome = run_program({"inspect", data_, "--verify"});
  EXPECT_EQ(outcome.status, 1) << outcome.out;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("DAMAGED"), HasSubstr("damage: "), Not(HasSubstr("no damage"))));
  EXPECT_EQ(file_bytes(), rotten);
}

TEST_F(Inspect, ARunningNodeIsPointedOut) {
  std::ofstream(node_ + "/lock") << "";
  io::PosixDisk disk;
  const auto held = disk.lock(node_ + "/lock");
  ASSERT_TRUE(held);
  const Outcome outcome = run_program({"inspect", data_});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr(node_ + " is in use by a walrusd"));
}

TEST_F(Inspect, WhatIsNoDataDirectoryIsRefused) {
  const std::string empty = data_ + "/empty";
  std::filesystem::create_directory(empty);
  const Outcome no_node = run_program({"inspect", empty});
  EXPECT_EQ(no_node.status, 3);
  EXPECT_THAT(no_node.err, HasSubstr("no node_<id>"));
  const Outcome nowhere = run_program({"inspect", data_ + "/nowhere"});
  EXPECT_EQ(nowhere.status, 3);
  EXPECT_THAT(nowhere.err, HasSubstr("No such file or directory"));
  EXPECT_EQ(run_program({"inspect"}).status, 2);
}

}  // namespace
}  // namespace walrus::testing
