// Records that a power cut or a failed write took away. What is appended afterwards gets the same offsets: it must be
// found by those who had read, moved over or trimmed what is lost, and nothing of that may come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <latch>
#include <thread>

#include "embed/ground.h"
#include "tests/unit/embed/disk_replay.h"
#include "tests/unit/embed/holding_disk.h"
#include "tests/unit/embed/open_store.h"
#include "tests/unit/embed/recording_disk.h"

namespace walrus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// The first topic is in another log than the catalog, so that nothing of the catalog's syncs is of use to it.
store::Options weak_options(const std::filesystem::path& root) {
  store::Options options;
  options.directory = (root / "data").string();
  options.shards = 2;
  options.fsync = store::Fsync::kNever;
  return options;
}

store::Store open_on(const store::Options& options, std::unique_ptr<io::Disk> disk) {
  auto opened = embed::Opener::open(options, {.disk = std::move(disk)});
  if (!opened) throw std::runtime_error(opened.error().message());
  return *std::move(opened);
}

void append_all(store::Topic& topic, std::initializer_list<const char*> values) {
  for (const char* value : values) ASSERT_EQ(outcome(topic.append(value)), "ok");
}

class LostTail : public testing::Test {
 protected:
  /// Runs `program` on a new store, then cuts the power: what was not synced is gone. Options of what is left.
  template <class Program>
  store::Options power_cut_after(Program program) {
    Recording recording;
    const store::Options options = weak_options(before_.path());
    store::Store store = open_on(options, std::make_unique<RecordingDisk>(recording, before_.path().string()));
    program(store);
    DiskReplay replay;
    for (const DiskEvent& event : recording.events()) replay.apply(event);
    materialize(replay.after_power_cut(io::CrashModel::kLoseUnsynced, 1), after_.path());
    EXPECT_EQ(outcome(store.close()), "ok");
    return weak_options(after_.path());
  }

  const TempDir directory_;

 private:
  const TempDir before_;
  const TempDir after_;
};

TEST_F(LostTail, ACursorThatWasBehindItGoesBackToTheEnd) {
  const auto options = power_cut_after([](store::Store& store) {
    store::Topic topic = topic_of(store, "t");
    append_all(topic, {"0", "1", "2", "3"});
    store::Cursor cursor = topic.cursor("c").value();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(cursor.next().value());
  });
  for (const char* value : {"after the cut", "after a second start"}) {
    store::Store store = open_store(options);
    EXPECT_THAT(store.damage(), IsEmpty());
    store::Topic topic = store.find_topic("t").value();
    const auto stats = topic.stats().value();
    ASSERT_LT(stats.end, 4u) << "nothing was lost";
    store::Cursor cursor = topic.cursor("c").value();
    EXPECT_EQ(cursor.position(), stats.end);
    append_all(topic, {value});
    const auto next = cursor.next();
    ASSERT_TRUE(next && *next) << outcome(next);
    EXPECT_EQ((*next)->value(), value);
  }
}

TEST_F(LostTail, OfWhatATrimHasTakenTheTopicGoesOnBehindIt) {
  const auto options = power_cut_after([](store::Store& store) {
    store::Topic topic = topic_of(store, "t");
    append_all(topic, {"0", "1", "2", "3"});
    ASSERT_EQ(outcome(topic.trim(3)), "ok");
  });
  std::vector<std::string> expected;
  for (const char* value : {"after the cut", "after a second start"}) {
    store::Store store = open_store(options);
    EXPECT_THAT(store.damage(), IsEmpty());
    store::Topic topic = store.find_topic("t").value();
    const auto stats = topic.stats().value();
    EXPECT_EQ(stats.start, 3u);
    EXPECT_EQ(stats.end, 3 + expected.size()) << "nothing was lost";
    expected.emplace_back(value);
    EXPECT_EQ(topic.append(value).value(), stats.end);
    EXPECT_EQ(values_from(topic, 3), expected);
    EXPECT_EQ(topic.read(2, 1).error().code, store::ErrorCode::kOutOfRange);
  }
}

/// The policy of the store; that of its topic is never.
class RefusedTail : public testing::TestWithParam<store::Fsync> {};
INSTANTIATE_TEST_SUITE_P(Policies, RefusedTail, testing::Values(store::Fsync::kNever, store::Fsync::kAlways),
                         [](const auto& policy) { return policy.param == store::Fsync::kNever ? "weak" : "strict"; });

TEST_P(RefusedTail, ACursorThatHasReadItGoesBack) {
  const TempDir root;
  HeldWrites held;
  store::Options options = weak_options(root.path());
  options.fsync = GetParam();
  store::Store store = open_on(options, std::make_unique<HoldingDisk>(held));
  store::Topic topic = store.topic("t", {.fsync = store::Fsync::kNever}).value();
  append_all(topic, {"0", "1"});
  ASSERT_EQ(outcome(store.sync()), "ok");
  held.hold("shard_1/wal");
  append_all(topic, {"refused", "refused too"});
  store::Cursor cursor = topic.cursor("c").value();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(cursor.next().value());
  held.fail();
  // What comes before the store knows is lost as well; the first call that comes after it is told, and appends nothing.
  auto offset = topic.append("instead");
  while (!offset || *offset != 2) offset = topic.append("instead");
  append_all(topic, {"and more", "and more", "and more"});
  const auto next = cursor.next();
  ASSERT_TRUE(next && *next) << outcome(next);
  EXPECT_EQ((*next)->value(), "instead");
  EXPECT_EQ(outcome(store.close()), "ok");
  store = open_store(options);
  EXPECT_EQ(store.find_topic("t")->cursor("c")->position(), 3u);
  EXPECT_THAT(values_from(*store.find_topic("t"), 0),
              ElementsAre("0", "1", "instead", "and more", "and more", "and more"));
}

TEST_F(LostTail, RecordsThatHaveFailedDoNotComeBackWithLaterOnes) {
  const TempDir root;
  HeldWrites held;
  store::Options options;
  options.directory = root.path().string();
  store::Store store = open_on(options, std::make_unique<HoldingDisk>(held));
  store::Topic topic = topic_of(store, "t");
  held.hold("/wal");
  // As many large ones as the log writes at a time, and one that it has not taken yet.
  constexpr std::size_t kLarge = 2 * limits::kWalWritesInFlight;
  std::latch answered(kLarge + 1);
  std::atomic<int> written = 0;
  const auto count = [&](const store::Result<std::uint64_t>& offset) {
    if (offset) ++written;
    answered.count_down();
  };
  const std::string large(600 << 10, 'x');
  for (std::size_t i = 0; i < kLarge; ++i) topic.append_async(std::array{store::Record{.value = large}}, count);
  while (held.count() < limits::kWalWritesInFlight) std::this_thread::yield();
  topic.append_async(std::array{store::Record{.value = "not taken"}}, count);
  held.fail();
  answered.wait();
  const auto offset = topic.append("later");
  ASSERT_EQ(outcome(offset), "ok");
  EXPECT_EQ(*offset, static_cast<std::uint64_t>(written));
  EXPECT_THAT(values_from(topic, *offset), ElementsAre("later"));
}

TEST_F(LostTail, ASegmentThatCannotBeOpenedOnceIsTriedAgain) {
  const TempDir root;
  HeldWrites held;
  store::Options options;
  options.directory = root.path().string();
  options.segment_records = 1;
  {
    store::Store store = open_on(options, std::make_unique<HoldingDisk>(held));
    store::Topic topic = topic_of(store, "t");
    append_all(topic, {"0"});
    held.refuse_open("topics/1/1.log");
    EXPECT_NE(outcome(topic.append("refused")), "ok");
    append_all(topic, {"1", "2"});
  }
  store::Store store = open_store(options);
  EXPECT_THAT(store.damage(), IsEmpty());
  EXPECT_THAT(values_from(store.find_topic("t").value(), 0), ElementsAre("0", "1", "2"));
}

TEST_F(LostTail, AReaderOfAClosedStoreIsTold) {
  store::Store store = open_on(weak_options(directory_.path()), std::make_unique<io::PosixDisk>());
  store::Topic topic = topic_of(store, "t");
  append_all(topic, {"0"});
  auto begun = topic.reader(0);
  ASSERT_TRUE(begun.next());
  auto fresh = topic.reader(0);
  EXPECT_EQ(outcome(store.close()), "ok");
  EXPECT_EQ(begun.next().error().code, store::ErrorCode::kClosed);
  EXPECT_EQ(fresh.next().error().code, store::ErrorCode::kClosed);
}

}  // namespace
}  // namespace walrus::test
