// What each policy promises, and that the weaker ones keep what they promise without calling honest losses rot.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "storage/layout.h"
#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using test::append;
using test::kFirst;
using test::kNode;
using test::kSecond;
using test::SimStore;
using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

constexpr SyncPolicy kNever{.kind = SyncPolicy::Kind::kNever};
constexpr SyncPolicy kInterval{.kind = SyncPolicy::Kind::kInterval, .interval = 50ms};

EngineOptions with(SyncPolicy sync) {
  EngineOptions options = test::small_files();
  options.sync = sync;
  return options;
}

std::string value_of(int i) { return "value " + std::to_string(i) + std::string(400, 'x'); }

Strings write(SimStore& store, int from, int to, SegmentKey key = kFirst) {
  Strings values;
  for (int i = from; i < to; ++i) {
    values.push_back(value_of(i));
    EXPECT_TRUE(append(store.segment(key), {values.back()}));
    EXPECT_TRUE(store.wait_durable(store.segment(key)));
  }
  return values;
}

/// What is there is a beginning of `values`, of at least `least`; the segment goes on.
void expect_beginning(SimStore& store, SegmentKey key, const Strings& values, std::size_t least) {
  EXPECT_TRUE(store.report.damage.empty()) << store.report.damage.front();
  Segment& segment = store.segment(key);
  ASSERT_TRUE(segment.status()) << segment.status().error().message();
  const Strings kept = store.values(segment);
  EXPECT_GE(kept.size(), least);
  ASSERT_LE(kept.size(), values.size());
  EXPECT_TRUE(std::equal(kept.begin(), kept.end(), values.begin()));
  ASSERT_TRUE(append(segment, {"on it goes"}));
  ASSERT_TRUE(store.wait_durable(segment));
}

TEST(SyncPolicy, HasNames) {
  for (const std::string_view name : {"always", "interval:1", "interval:250", "never"}) {
    const auto policy = parse_sync_policy(name);
    ASSERT_TRUE(policy) << name;
    EXPECT_EQ(to_string(*policy), name);
  }
  for (const std::string_view name :
       {"", "Always", "interval", "interval:", "interval:0", "interval:-1", "interval:1s"}) {
    EXPECT_FALSE(parse_sync_policy(name)) << name;
  }
}

class WeakEngine : public ::testing::TestWithParam<SyncPolicy> {};

TEST_P(WeakEngine, KeepsEverythingWhenOnlyTheProgramDies) {
  SimStore store(41, with(GetParam()));
  ASSERT_TRUE(store.open());
  const Strings values = write(store, 0, 300);
  store.kill();
  ASSERT_TRUE(store.open());
  expect_beginning(store, kFirst, values, values.size());
}

TEST_P(WeakEngine, LosesOnlyATailToAPowerCutAndGoesOn) {
  std::size_t lost = 0;
  for (const io::CrashModel model : io::kAllCrashModels) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      SCOPED_TRACE(testing::Message() << "model " << static_cast<int>(model) << " seed " << seed);
      SimStore store(seed, with(GetParam()));
      ASSERT_TRUE(store.open());
      const Strings first = write(store, 0, 40 + static_cast<int>(seed) * 30);
      const Strings second = write(store, 0, 7, kSecond);
      store.crash(model);
      ASSERT_TRUE(store.open());
      expect_beginning(store, kFirst, first, 0);
      expect_beginning(store, kSecond, second, 0);
      lost += first.size() + 1 - (store.segment().end() - store.segment().base());
    }
  }
  EXPECT_GT(lost, 0u) << "nothing was at stake";
}

TEST_P(WeakEngine, KeepsEverythingOverACleanStopAndAPowerCutBehindIt) {
  SimStore store(42, with(GetParam()));
  ASSERT_TRUE(store.open());
  const Strings values = write(store, 0, 100);
  ASSERT_TRUE(store.close());
  store.disk->crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.report.batches_replayed, 0u);
  expect_beginning(store, kFirst, values, values.size());
}

TEST_P(WeakEngine, UsesItsFilesAgain) {
  SimStore store(45, with(GetParam()));
  ASSERT_TRUE(store.open());
  (void)write(store, 0, 1500);
  store.settle();
  EXPECT_LE(store.disk->list(layout::wal_directory(kNode, 0))->size(), 1 + 3 + store.engine.wal_spare_files);
}

TEST_P(WeakEngine, ASegmentThatAsksForMoreGetsIt) {
  for (const io::CrashModel model : io::kAllCrashModels) {
    SimStore store(46, with(GetParam()));
    ASSERT_TRUE(store.open());
    store.segment(kSecond).set_sync({});
    Strings weak;
    Strings strict;
    for (int i = 0; i < 60; ++i) {
      weak.push_back(value_of(i));
      ASSERT_TRUE(append(store.segment(), {weak.back()}));
      strict.push_back("strict " + std::to_string(i));
      ASSERT_TRUE(append(store.segment(kSecond), {strict.back()}));
      ASSERT_TRUE(store.wait_durable(store.segment(kSecond)));
    }
    store.crash(model);
    ASSERT_TRUE(store.open());
    expect_beginning(store, kSecond, strict, strict.size());
    expect_beginning(store, kFirst, weak, weak.size());  // it was written before
  }
}

TEST_P(WeakEngine, PromisesAndCutsAreSyncedAllTheSame) {
  for (const io::CrashModel model : io::kAllCrashModels) {
    SimStore store(47, with(GetParam()));
    ASSERT_TRUE(store.open());
    const Strings values = write(store, 0, 80);
    int answers = 0;
    store.segment().promise(Epoch(5), [&](const Status& status) { answers += status ? 1 : 0; });
    store.segment().truncate(Offset(33), [&](const Status& status) { answers += status ? 1 : 0; });
    ASSERT_TRUE(store.world.run_until([&] { return answers == 2; }, 10s));
    store.crash(model);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.segment().promised(), Epoch(5));
    expect_beginning(store, kFirst, Strings(values.begin(), values.begin() + 33), 33);
  }
}

TEST_P(WeakEngine, AFailedSyncStopsTheLog) {
  SimStore store(44, with(GetParam()));
  ASSERT_TRUE(store.open());
  store.settle();
  (void)write(store, 0, 5);
  store.disk->fail_nth(io::SimDisk::Operation::kSync, 1, ".wal");
  std::optional<Status> answer;
  store.segment(kSecond).promise(Epoch(5), [&](Status status) { answer = std::move(status); });
  ASSERT_TRUE(store.world.run_until([&] { return answer.has_value(); }, 10s));
  EXPECT_FALSE(*answer);
  EXPECT_EQ(append(store.segment(), {"late"}).error().code, ErrorCode::kPoisoned);
  (void)store.close();
}

INSTANTIATE_TEST_SUITE_P(Policies, WeakEngine, ::testing::Values(kInterval, kNever),
                         [](const auto& info) { return std::string(info.param == kNever ? "Never" : "Interval"); });

TEST(IntervalPolicy, LosesAtMostWhatIsYoungerThanTheInterval) {
  for (const io::CrashModel model : io::kAllCrashModels) {
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
      SimStore store(seed, with(kInterval));
      ASSERT_TRUE(store.open());
      Strings values;
      std::deque<io::TimePoint> acknowledged;
      for (int i = 0; i < 150 + static_cast<int>(seed); ++i) {
        for (const std::string& value : write(store, i, i + 1)) values.push_back(value);
        acknowledged.push_back(store.loop->now());
        store.world.run_for(1ms);
      }
      // A round of syncs takes as long as the disk takes: up to half a millisecond for each of a few files.
      const io::TimePoint safe = store.loop->now() - kInterval.interval - 2ms;
      const auto old =
          static_cast<std::size_t>(std::ranges::count_if(acknowledged, [&](auto at) { return at < safe; }));
      ASSERT_GT(old, 50u);
      store.crash(model);
      ASSERT_TRUE(store.open());
      expect_beginning(store, kFirst, values, old);
    }
  }
}

TEST(IntervalPolicy, IsQuietWhenIdle) {
  SimStore store(43, with(kInterval));
  ASSERT_TRUE(store.open());
  (void)write(store, 0, 20);
  store.world.run_for(60s);
  const std::uint64_t changes = store.disk->changes();
  store.world.run_for(10s);
  EXPECT_EQ(store.disk->changes(), changes);
}

TEST(WeakSegment, OfAStrictEngineCountsWhenItIsQueuedAndIsOnTheDiskWithTheNextWrite) {
  for (const SyncPolicy policy : {kInterval, kNever}) {
    SimStore store(48);
    ASSERT_TRUE(store.open());
    Segment& weak = store.segment();
    weak.set_sync(policy);
    int moves = 0;
    weak.watch([&] { ++moves; });
    ASSERT_TRUE(append(weak, {"a"}));
    ASSERT_TRUE(append(weak, {"b"}));
    EXPECT_EQ(weak.durable_end(), Offset(2));
    EXPECT_EQ(moves, 0) << "not inside append()";
    const std::uint64_t changes = store.disk->changes();
    store.world.run_for(1us);
    EXPECT_EQ(moves, 1);
    EXPECT_LE(store.disk->changes(), changes + 2) << "issued, not done";
    store.world.run_for(5ms);
    store.crash(io::CrashModel::kLoseUnsynced);
    ASSERT_TRUE(store.open());
    expect_beginning(store, kFirst, {"a", "b"}, 2);
  }
}

TEST(WeakSegment, OfAStrictEngineLosesOnlyATail) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SimStore store(seed);
    ASSERT_TRUE(store.open());
    store.segment().set_sync(kNever);
    Strings weak;
    Strings strict;
    for (int i = 0; i < 100; ++i) {
      weak.push_back(value_of(i));
      ASSERT_TRUE(append(store.segment(), {weak.back()}));
      if (i % 10 == 0) {
        strict.push_back(value_of(i));
        ASSERT_TRUE(append(store.segment(kSecond), {strict.back()}));
      }
      store.world.run_for(std::chrono::microseconds(20));
    }
    const std::size_t acknowledged = store.segment(kSecond).durable_end().value();
    store.crash(io::kAllCrashModels[seed % io::kAllCrashModels.size()]);
    ASSERT_TRUE(store.open());
    expect_beginning(store, kFirst, weak, 0);
    expect_beginning(store, kSecond, strict, acknowledged);
  }
}

}  // namespace
}  // namespace walrus::storage
