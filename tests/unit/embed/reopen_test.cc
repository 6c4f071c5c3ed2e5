#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/embed/open_store.h"

namespace walrus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ReopenTest : public testing::TestWithParam<bool> {
 protected:
  ReopenTest() { options_.io_uring = GetParam(); }
  TempDir directory_;
  store::Options options_ = small_options(directory_);
};

TEST_P(ReopenTest, EverythingIsThereAgain) {
  std::vector<std::string> expected;
  {
    store::Store store = open_store(options_);
    store::Topic topic = topic_of(store, "t");
    for (int i = 0; i < 200; ++i) {
      expected.push_back(std::to_string(i) + std::string(1000, 'x'));
      ASSERT_TRUE(topic.append(expected.back()));
    }
    ASSERT_TRUE(topic.trim(120));
    ASSERT_TRUE(topic.set_retention({.records = 1'000'000}));
    store::Cursor cursor = topic.cursor("c", {.persist_every = 1000}).value();
    ASSERT_EQ(cursor.next().value()->offset(), 120u);
    ASSERT_TRUE(topic_of(store, "empty").stats());
    ASSERT_EQ(outcome(store.close()), "ok");
  }
  store::Store store = open_store(options_);
  EXPECT_THAT(store.damage(), IsEmpty());
  EXPECT_THAT(store.topics(), ElementsAre("empty", "t"));
  store::Topic topic = store.find_topic("t").value();
  const auto stats = topic.stats().value();
  EXPECT_EQ(stats.start, 120u);
  EXPECT_EQ(stats.end, 200u);
  EXPECT_EQ(values_from(topic, 120), std::vector<std::string>(expected.begin() + 120, expected.end()));
  EXPECT_EQ(topic.read(119, 1).error().code, store::ErrorCode::kOutOfRange);
  EXPECT_EQ(topic.retention().value().records, 1'000'000u);
  EXPECT_EQ(topic.cursor("c").value().next().value()->offset(), 121u);
  EXPECT_EQ(topic.append("more").value(), 200u);
}

TEST_P(ReopenTest, TheNumberOfShardsMayChange) {
  for (const unsigned shards : {1u, 3u, 2u}) {
    options_.shards = shards;
    store::Store store = open_store(options_);
    for (int i = 0; i < 5; ++i) {
      store::Topic topic = topic_of(store, "t" + std::to_string(i));
      ASSERT_EQ(outcome(topic.append(std::to_string(shards))), "ok");
    }
  }
  store::Store store = open_store(options_);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(values_from(topic_of(store, "t" + std::to_string(i)), 0), ElementsAre("1", "3", "2"));
  }
}

TEST_P(ReopenTest, ARemovedTopicStaysAwayAndItsNumberIsNotUsedAgain) {
  {
    store::Store store = open_store(options_);
    ASSERT_TRUE(topic_of(store, "a").append("old"));
    ASSERT_TRUE(store.remove_topic("a"));
  }
  store::Store store = open_store(options_);
  EXPECT_THAT(store.topics(), IsEmpty());
  EXPECT_THAT(values_from(topic_of(store, "a"), 0), IsEmpty());
}

TEST_P(ReopenTest, TheCatalogGoesOnInANewSegmentWhenItHasGrown) {
  const std::string long_name(200, 'c');
  {
    store::Store store = open_store(options_);
    store::Topic topic = topic_of(store, "t");
    ASSERT_TRUE(topic.append("0"));
    ASSERT_TRUE(topic.append("1"));
    std::vector<std::thread> threads;  // so that they share writes
    for (char thread = 'a'; thread < 'q'; ++thread) {
      threads.emplace_back([&topic, name = thread + long_name] {
        store::Cursor cursor = topic.cursor(name).value();
        for (int i = 0; i < 1500; ++i) ASSERT_EQ(outcome(cursor.seek(i % 2)), "ok");
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::uintmax_t bytes = 0;
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator((directory_ / "data") / "default" / "topics" / "0")) {
    if (file.path().extension() != ".log") continue;
    ++files;
    bytes += file.file_size();
  }
  EXPECT_EQ(files, 1u);
  EXPECT_LT(bytes, 5u << 20);  // 24,000 positions are 5.5 MB
  store::Store store = open_store(options_);
  EXPECT_EQ(topic_of(store, "t").cursor("a" + long_name).value().position(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Files, ReopenTest, testing::Bool(),
                         [](const auto& info) { return std::string(info.param ? "io_uring" : "threads"); });

}  // namespace
}  // namespace walrus::test
