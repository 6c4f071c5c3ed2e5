#include "controller/retention.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/fake_metadata.h"

namespace walrus::controller {
namespace {

constexpr std::int64_t kNow = 1'000'000;

/// A topic "t" of sealed segments with ten records and 1,000 bytes each, the latest record of number i at
/// `first_ms` + i * 100, and an open one behind them.
class RetentionTest : public testing::Test {
 protected:
  void make(metadata::TopicSettings settings, int segments, std::int64_t first_ms) {
    cluster_.add_node(NodeId(1));
    metadata::Command create;
    create.mutable_create_topic()->set_name("t");
    *create.mutable_create_topic()->mutable_settings() = std::move(settings);
    ASSERT_TRUE(cluster_.apply(create).status);
    for (int i = 0; i < segments; ++i) {
      metadata::Command roll;
      auto& seal = *roll.mutable_seal_and_open();
      seal.set_topic_id(topic()->id.value());
      seal.set_segment_id(topic()->last().id.value());
      seal.set_epoch(topic()->last().epoch.value());
      seal.set_end(topic()->last().base.value() + 10);
      seal.set_bytes(1000);
      seal.set_latest_ms(first_ms == 0 ? 0 : first_ms + i * 100);
      seal.add_holders(topic()->last().leader.value());
      ASSERT_TRUE(cluster_.apply(roll).status);
    }
  }
  /// The node comes back with another disk, which is empty.
  void wipe(std::uint64_t number) {
    metadata::Command down;
    down.mutable_set_node_state()->set_node_id(number);
    down.mutable_set_node_state()->set_disk_id(metadata::uuid_bytes(Uuid(number, number)));
    down.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(metadata::NodeState::kDown));
    ASSERT_TRUE(cluster_.apply(down).status);
    metadata::Command back;
    back.mutable_upsert_node()->set_node_id(number);
    back.mutable_upsert_node()->set_disk_id(metadata::uuid_bytes(Uuid(99, number)));
    back.mutable_upsert_node()->set_raft_id(9900 + number);
    ASSERT_TRUE(cluster_.apply(back).status);
  }
  /// How many segments are left when retention has done its work.
  std::size_t left() {
    for (const metadata::Command& command : plan_trims(*cluster_.view(), kNow, 10)) {
      EXPECT_TRUE(cluster_.apply(command).status);
    }
    EXPECT_TRUE(plan_trims(*cluster_.view(), kNow, 10).empty()) << "not done in one go";
    return topic()->segments.size();
  }
  metadata::TopicPtr topic() { return cluster_.view()->find_topic("t"); }

  testing_fakes::FakeMetadata cluster_;
};

TEST_F(RetentionTest, WithoutABoundEverythingStays) {
  make({}, 5, 1);
  EXPECT_EQ(left(), 6u);
}

TEST_F(RetentionTest, ByTimeGoesWhatIsOlder) {
  metadata::TopicSettings settings;
  settings.set_retention_ms(250);
  make(settings, 5, kNow - 500);  // 500, 400, 300, 200, 100 ms old
  EXPECT_EQ(left(), 3u);
}

TEST_F(RetentionTest, BySizeAsMuchIsKeptAsWasAsked) {
  metadata::TopicSettings settings;
  settings.set_retention_bytes(2500);
  make(settings, 5, 1);
  EXPECT_EQ(left(), 4u);  // 3,000 bytes in sealed segments
}

TEST_F(RetentionTest, ByRecordsAsManyAreKeptAsWereAsked) {
  metadata::TopicSettings settings;
  settings.set_retention_records(20);
  make(settings, 5, 1);
  EXPECT_EQ(left(), 3u);
}

TEST_F(RetentionTest, WhatIsLostIsNoReasonToDeleteWhatIsNot) {
  metadata::TopicSettings settings;
  settings.set_retention_records(30);
  settings.set_retention_bytes(3000);
  cluster_.add_node(NodeId(2));
  make(settings, 5, 1);
  wipe(2);
  const auto lost = std::ranges::count_if(topic()->segments, &metadata::SegmentInfo::lost);
  ASSERT_GT(lost, 0);
  ASSERT_LT(lost, 4);
  EXPECT_EQ(left(), 6u);
}

TEST_F(RetentionTest, TheBoundThatTakesMostDecides) {
  metadata::TopicSettings settings;
  settings.set_retention_records(40);
  settings.set_retention_ms(150);
  make(settings, 5, kNow - 500);
  EXPECT_EQ(left(), 2u);
}

TEST_F(RetentionTest, WhatHasNoKnownTimeStaysHoweverOldItIs) {
  metadata::TopicSettings settings;
  settings.set_retention_ms(1);
  make(settings, 3, 0);
  EXPECT_EQ(left(), 4u);
}

TEST_F(RetentionTest, TheOpenSegmentStaysWhateverIsAsked) {
  metadata::TopicSettings settings;
  settings.set_retention_ms(1);
  make(settings, 3, 1);
  EXPECT_EQ(left(), 1u);
  EXPECT_EQ(topic()->start(), Offset(30));
}

}  // namespace
}  // namespace walrus::controller
