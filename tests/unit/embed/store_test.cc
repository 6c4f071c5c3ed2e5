#include "walrus/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "tests/unit/embed/open_store.h"

namespace walrus::test {
namespace {

using store::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  TempDir directory_;
  store::Options options_ = small_options(directory_);
};

TEST_F(StoreTest, WhatIsAppendedGetsDenseOffsetsAndIsReadBackInOrder) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "orders");
  EXPECT_EQ(topic.append("a").value(), 0u);
  EXPECT_EQ(topic.append("").value(), 1u);
  EXPECT_EQ(topic.append(std::string("\0\xff", 2)).value(), 2u);
  EXPECT_THAT(values_from(topic, 0), ElementsAre("a", "", std::string("\0\xff", 2)));
  EXPECT_THAT(values_from(topic, 2), ElementsAre(std::string("\0\xff", 2)));
}

TEST_F(StoreTest, ARecordKeepsItsKeyAndTimestamp) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  ASSERT_TRUE(topic.append({.value = "v", .key = "k", .timestamp_ms = 1234}));
  ASSERT_TRUE(topic.append({.value = "w"}));
  const auto records = topic.read(0, 1 << 20).value();
  auto it = records.begin();
  EXPECT_EQ(it->key, "k");
  EXPECT_EQ(it->value, "v");
  EXPECT_EQ(it->timestamp_ms, 1234);
  const auto rest = topic.read(1, 1 << 20).value();
  EXPECT_EQ(rest.begin()->key, std::nullopt);
  EXPECT_GT(rest.begin()->timestamp_ms, 1'600'000'000'000);
}

TEST_F(StoreTest, ABatchIsOneRunOfOffsets) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  const std::vector<store::Record> batch = {{.value = "1"}, {.value = "2"}, {.value = "3"}};
  ASSERT_TRUE(topic.append("0"));
  EXPECT_EQ(topic.append_batch(batch).value(), 1u);
  EXPECT_EQ(topic.append("4").value(), 4u);
  EXPECT_THAT(values_from(topic, 0), ElementsAre("0", "1", "2", "3", "4"));
  EXPECT_EQ(topic.append_batch({}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(StoreTest, AReadStopsNearItsByteLimitButGivesAtLeastOneRecord) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(topic.append(std::string(1000, 'x')));
  const auto one = topic.read(0, 1).value();
  EXPECT_EQ(one.size(), 1u);
  const auto few = topic.read(0, 3500).value();
  EXPECT_GE(few.size(), 2u);
  EXPECT_LE(few.size(), 4u);
  EXPECT_EQ(few.end_offset(), few.size());
  EXPECT_LE(few.bytes(), 3500u + 1100u);
}

TEST_F(StoreTest, ReadingAtTheEndIsEmptyAndBehindItAnError) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  EXPECT_TRUE(topic.read(0, 100).value().empty());
  EXPECT_EQ(topic.read(1, 100).error().code, ErrorCode::kOutOfRange);
  ASSERT_TRUE(topic.append("x"));
  EXPECT_TRUE(topic.read(1, 100).value().empty());
}

TEST_F(StoreTest, ATopicGoesOnOverManySegments) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    expected.push_back(std::to_string(i) + std::string(1000, 'x'));
    ASSERT_EQ(topic.append(expected.back()).value(), static_cast<std::uint64_t>(i));
  }
  const auto stats = topic.stats().value();
  EXPECT_GE(stats.segments, 4u);
  EXPECT_EQ(stats.records, 300u);
  EXPECT_GT(stats.bytes, 300'000u);
  EXPECT_EQ(values_from(topic, 0), expected);
}

TEST_F(StoreTest, AnAsynchronousAppendTellsItsOffset) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  std::promise<store::Result<std::uint64_t>> told;
  const store::Record record{.value = "x"};
  topic.append_async(std::span(&record, 1),
                     [&](store::Result<std::uint64_t> offset) { told.set_value(std::move(offset)); });
  EXPECT_EQ(told.get_future().get().value(), 0u);
  EXPECT_EQ(topic.stats().value().records, 1u);
}

TEST_F(StoreTest, TopicsAreFoundListedAndRemoved) {
  store::Store store = open_store(options_);
  store::Topic kept = topic_of(store, "b");
  store::Topic gone = topic_of(store, "a");
  ASSERT_TRUE(gone.append("x"));
  EXPECT_THAT(store.topics(), ElementsAre("a", "b"));
  store::Cursor cursor = gone.cursor("c").value();
  ASSERT_EQ(outcome(store.remove_topic("a")), "ok");
  EXPECT_EQ(gone.stats().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.retention().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.set_retention({}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.seal().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.trim(0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.cursor("c").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.remove_cursor("c").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(cursor.seek(0).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(cursor.next().error().code, ErrorCode::kNotFound);
  EXPECT_THAT(store.topics(), ElementsAre("b"));
  EXPECT_EQ(store.find_topic("a").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.append("y").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.read(0, 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store.remove_topic("a").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(topic_of(store, "a").append("anew").value(), 0u);
  EXPECT_TRUE(kept.append("z"));
}

TEST_F(StoreTest, WhatCannotBeIsRefused) {
  store::Store store = open_store(options_);
  EXPECT_EQ(store.topic("").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store.topic(std::string(store::kMaxNameBytes + 1, 'x')).error().code, ErrorCode::kInvalidArgument);
  store::Topic topic = topic_of(store, "t");
  EXPECT_EQ(topic.append(std::string(store::kMaxBatchBytes + 1, 'x')).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(topic.append("small").value(), 0u);
  options_.shards = 0;
  EXPECT_EQ(store::Store::open(options_).error().code, ErrorCode::kInvalidArgument);
  options_.shards = 1;
  options_.name_space = "../elsewhere";
  EXPECT_EQ(store::Store::open(options_).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(StoreTest, ARecordOfTheLargestSizeComesBack) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  const std::string large(store::kMaxBatchBytes - 100, 'x');
  ASSERT_EQ(outcome(topic.append(large)), "ok");
  ASSERT_TRUE(topic.append("next"));
  const auto values = values_from(topic, 0);
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values[0], large);
}

TEST_F(StoreTest, SyncMakesWeakerAppendsDurableAndATopicMayHaveAPolicyOfItsOwn) {
  options_.fsync = store::Fsync::kNever;
  store::Store store = open_store(options_);
  store::Topic weak = topic_of(store, "weak");
  store::Topic strict = store.topic("strict", {.fsync = store::Fsync::kAlways}).value();
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(weak.append(std::string(500, 'x')).value(), i);
  EXPECT_EQ(weak.stats().value().records, 1000u) << "what append() has returned for is seen";
  ASSERT_EQ(outcome(strict.append("now")), "ok");
  EXPECT_THAT(values_from(strict, 0), ElementsAre("now"));
  ASSERT_EQ(outcome(store.sync()), "ok");
  EXPECT_EQ(values_from(weak, 0).size(), 1000u);
  ASSERT_EQ(outcome(store.close()), "ok");
  options_.fsync = store::Fsync::kAlways;
  store::Store again = open_store(options_);
  EXPECT_EQ(values_from(topic_of(again, "weak"), 0).size(), 1000u);
  store::Topic lazy = again.topic("strict", {.fsync = store::Fsync::kInterval}).value();
  EXPECT_EQ(lazy.append("later").value(), 1u);
  EXPECT_EQ(lazy.stats().value().end, 2u);
}

TEST_F(StoreTest, ASecondOpenerIsRefusedAndToldWhoHasIt) {
  store::Store store = open_store(options_);
  const auto second = store::Store::open(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().message(), HasSubstr("process " + std::to_string(::getpid())));
}

TEST_F(StoreTest, TwoStoresInOneProcessKnowNothingOfEachOther) {
  store::Options other = options_;
  other.name_space = "other";
  store::Store first = open_store(options_);
  store::Store second = open_store(other);
  ASSERT_TRUE(topic_of(first, "t").append("mine"));
  ASSERT_TRUE(topic_of(second, "t").append("yours"));
  EXPECT_THAT(values_from(topic_of(first, "t"), 0), ElementsAre("mine"));
  ASSERT_TRUE(first.close());
  EXPECT_THAT(values_from(topic_of(second, "t"), 0), ElementsAre("yours"));
  EXPECT_TRUE(topic_of(second, "t").append("still here"));
}

TEST_F(StoreTest, AfterCloseEveryCallSaysSo) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  store::Cursor cursor = topic.cursor("c").value();
  ASSERT_TRUE(store.close());
  EXPECT_TRUE(store.close());
  EXPECT_EQ(topic.append("x").error().code, ErrorCode::kClosed);
  EXPECT_EQ(topic.read(0, 1).error().code, ErrorCode::kClosed);
  EXPECT_EQ(topic.stats().error().code, ErrorCode::kClosed);
  EXPECT_EQ(cursor.next().error().code, ErrorCode::kClosed);
  EXPECT_EQ(store.topic("t").error().code, ErrorCode::kClosed);
  EXPECT_EQ(store.sync().error().code, ErrorCode::kClosed);
}

TEST_F(StoreTest, ADirectoryOfSomethingElseIsLeftAlone) {
  const auto topics = (directory_ / "data") / "default" / "topics" / "7";
  std::filesystem::create_directories(topics);
  std::ofstream(topics / "0.log") << "not ours";
  const auto opened = store::Store::open(options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(std::filesystem::exists(topics / "0.log"));
}

}  // namespace
}  // namespace walrus::test
