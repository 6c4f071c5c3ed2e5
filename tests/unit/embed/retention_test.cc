#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/harness/eventually.h"
#include "tests/unit/embed/open_store.h"

namespace walrus::test {
namespace {

/// Blocks that a directory's files really occupy, as `du` counts.
std::uintmax_t disk_bytes(const std::filesystem::path& directory) {
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat status{};
    if (file.is_regular_file() && ::stat(file.path().c_str(), &status) == 0) bytes += status.st_blocks * 512u;
  }
  return bytes;
}

class RetentionTest : public testing::Test {
 protected:
  void fill(store::Topic& topic, int records) {
    for (int i = 0; i < records; ++i) ASSERT_TRUE(topic.append(std::string(1000, 'x')));
  }
  std::filesystem::path topics() const { return (directory_ / "data") / "default" / "topics"; }
  TempDir directory_;
  store::Options options_ = small_options(directory_);
  store::Store store_ = open_store(options_);
  store::Topic topic_ = topic_of(store_, "t");
};

TEST_F(RetentionTest, TrimHidesExactlyWhatWasAskedAndGivesWholeSegmentsBack) {
  fill(topic_, 500);
  ASSERT_TRUE(store_.sync());
  const auto before = topic_.stats().value();
  ASSERT_GE(before.segments, 6u);
  ASSERT_TRUE(topic_.trim(400));
  const auto after = topic_.stats().value();
  EXPECT_EQ(after.start, 400u);
  EXPECT_EQ(after.records, 100u);
  EXPECT_LT(after.segments, before.segments);
  EXPECT_GE(after.bytes, 100'000u);  // not more than asked
  EXPECT_LE(after.bytes, 100'000u + 2 * options_.segment_bytes);
  EXPECT_EQ(values_from(topic_, 400).size(), 100u);
  EXPECT_EQ(topic_.read(399, 1).error().code, store::ErrorCode::kOutOfRange);
  ASSERT_TRUE(topic_.trim(10));  // backwards: nothing
  EXPECT_EQ(topic_.stats().value().start, 400u);
}

TEST_F(RetentionTest, TrimToTheEndLeavesNothingOnTheDisk) {
  fill(topic_, 500);
  ASSERT_TRUE(topic_.seal());
  const auto full = disk_bytes(topics());
  ASSERT_GE(full, 400'000u);
  ASSERT_TRUE(topic_.trim(1'000'000));
  EXPECT_LE(disk_bytes(topics()), 20'000u);
  EXPECT_EQ(topic_.stats().value().bytes, 0u);
  EXPECT_EQ(topic_.append("x").value(), 500u);
}

TEST_F(RetentionTest, ARemovedTopicGivesItsSpaceBack) {
  fill(topic_, 500);
  ASSERT_TRUE(topic_.seal());
  ASSERT_GE(disk_bytes(topics()), 400'000u);
  ASSERT_TRUE(store_.remove_topic("t"));
  EXPECT_LE(disk_bytes(topics()), 20'000u);
}

TEST_F(RetentionTest, ByBytesKeepsAtLeastThatMuch) {
  ASSERT_TRUE(topic_.set_retention({.bytes = 200'000}));
  fill(topic_, 1000);
  ASSERT_TRUE(eventually([&] { return topic_.stats().value().bytes <= 200'000 + 2 * options_.segment_bytes; }));
  EXPECT_GE(topic_.stats().value().bytes, 200'000u);
  EXPECT_EQ(topic_.stats().value().end, 1000u);
}

TEST_F(RetentionTest, ByRecordsKeepsAtLeastThatMany) {
  fill(topic_, 1000);
  ASSERT_TRUE(topic_.set_retention({.records = 300}));
  const auto stats = topic_.stats().value();
  EXPECT_GE(stats.records, 300u);
  EXPECT_LE(stats.records, 300u + 70u);
  fill(topic_, 200);
  ASSERT_TRUE(eventually([&] { return topic_.stats().value().records <= 300u + 2 * 70u; }));
  EXPECT_GE(topic_.stats().value().records, 300u);
}

TEST_F(RetentionTest, ByTimeEvenTheLastSegmentGoesByItself) {
  fill(topic_, 100);
  ASSERT_TRUE(topic_.set_retention({.time = std::chrono::hours(1)}));
  EXPECT_EQ(topic_.stats().value().records, 100u);
  ASSERT_TRUE(topic_.set_retention({.time = std::chrono::milliseconds(50)}));
  ASSERT_TRUE(eventually([&] { return topic_.stats().value().records == 0; }));
  EXPECT_EQ(topic_.stats().value().start, 100u);
  ASSERT_TRUE(topic_.append("later"));
  ASSERT_TRUE(eventually([&] { return topic_.stats().value().start == 101; }));
}

TEST_F(RetentionTest, ForEverIsATimeToo) {
  fill(topic_, 100);
  ASSERT_TRUE(topic_.seal());
  ASSERT_TRUE(topic_.set_retention({.time = std::chrono::milliseconds::max()}));
  fill(topic_, 100);
  ASSERT_TRUE(topic_.seal());
  EXPECT_EQ(topic_.stats().value().start, 0u);
  EXPECT_EQ(values_from(topic_, 0).size(), 200u);
}

TEST_F(RetentionTest, SealBeginsANewSegmentButNotTwice) {
  fill(topic_, 3);
  ASSERT_TRUE(topic_.seal());
  ASSERT_TRUE(topic_.seal());
  EXPECT_EQ(topic_.stats().value().segments, 2u);
  EXPECT_EQ(topic_.append("x").value(), 3u);
  EXPECT_EQ(values_from(topic_, 0).size(), 4u);
}

TEST_F(RetentionTest, AfterABurstTheWriteAheadLogGivesItsSpaceBack) {
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(topic_.append(megabyte));
  ASSERT_TRUE(topic_.trim(300));
  const auto log = (directory_ / "data") / "default" / "shard_0" / "wal";
  // The file in use and two spare ones.
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(topic_.append("x"));
    return disk_bytes(log) <= 3 * (std::uintmax_t{64} << 20) + (1 << 20);
  })) << disk_bytes(log);
}

}  // namespace
}  // namespace walrus::test
