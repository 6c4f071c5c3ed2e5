#include "storage/shard_store.h"

#include <gtest/gtest.h>

#include <functional>

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

TEST(ShardStore, WhatWasAppendedBecomesDurableAndReadable) {
  SimStore store(1);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  int moves = 0;
  segment.watch([&] { ++moves; });
  ASSERT_TRUE(append(segment, {"a", "b"}));
  ASSERT_TRUE(append(segment, {"c"}));
  EXPECT_EQ(segment.end(), Offset(3));
  EXPECT_EQ(segment.durable_end(), Offset(0));
  ASSERT_TRUE(store.wait_durable(segment));
  EXPECT_EQ(moves, 1) << "both batches were appended in one turn and share a write";
  EXPECT_EQ(store.values(segment), (Strings{"a", "b", "c"}));
  EXPECT_EQ(store.values(segment, Offset(1), Offset(2)), (Strings{"b"}));
}

TEST(ShardStore, AWatcherMayRemoveOrReplaceItselfWhileItRuns) {
  SimStore store(7);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  int first = 0;
  int second = 0;
  segment.watch([&] {
    ++first;
    segment.watch([&] {
      ++second;
      segment.watch({});
    });
  });
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(append(segment, {"x"}));
    ASSERT_TRUE(store.wait_durable(segment));
  }
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST(ShardStore, SurvivesAPowerCutAndACleanStop) {
  SimStore store(2);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(append(store.segment(), {"one"}));
  ASSERT_TRUE(append(store.segment(kSecond, Offset(500)), {"five hundred"}));
  ASSERT_TRUE(store.wait_durable(store.segment()));
  ASSERT_TRUE(store.wait_durable(store.segment(kSecond, Offset(500))));
  store.crash(io::CrashModel::kLoseUnsynced);

  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.report.batches_replayed, 2u);
  EXPECT_TRUE(store.report.damage.empty());
  EXPECT_EQ(store.values(store.segment()), (Strings{"one"}));
  EXPECT_EQ(store.values(store.segment(kSecond, Offset(500))), (Strings{"five hundred"}));
  ASSERT_TRUE(append(store.segment(), {"two"}));
  ASSERT_TRUE(store.close());

  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.report.batches_replayed, 0u) << "a clean stop leaves nothing to replay";
  EXPECT_EQ(store.values(store.segment()), (Strings{"one", "two"}));
  EXPECT_EQ(list_segments(*store.disk, kNode).value(), (std::vector{kFirst, kSecond}));
}

TEST(ShardStore, ACleanStopThatTakesLongerThanTheLogWaitsForItsMarkEndsCleanly) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimStore store(seed);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(append(store.segment(), {"one"}));
    ASSERT_TRUE(store.wait_durable(store.segment()));
    store.disk->set_latency(limits::kWalMarkDelay / 10, limits::kWalMarkDelay);
    ASSERT_TRUE(store.close());
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.values(store.segment()), (Strings{"one"}));
  }
}

// Waiting for it would hide that it hangs from those who miss what was appended. Neither does it keep the loop busy.
TEST(ShardStore, ADiskThatHangsIsNotWaitedFor) {
  for (const std::size_t size : {2'000, 15'000}) {  // larger ones need the next file, which hangs as well
    SimStore store(4, [] {
      EngineOptions options = test::small_files();
      options.wal_max_queued_bytes = 256 * limits::kKiB;
      return options;
    }());
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(append(store.segment(), {"one"}));
    ASSERT_TRUE(store.wait_durable(store.segment()));
    store.disk->set_latency(24h, 24h);
    const std::string value(size, 'x');
    for (int i = 0; i < 100 && store.store->writable(); ++i) {
      ASSERT_TRUE(append(store.segment(), {value}));
      store.world.run_for(1ms);
    }
    ASSERT_FALSE(store.store->writable());
    bool told = false;
    store.store->when_writable([&] { told = true; });
    store.world.run_for(500ms);
    EXPECT_FALSE(told);
    store.world.run_for(2s);
    EXPECT_TRUE(told) << size;

    while (append(store.segment(), {value})) {
    }
    int attempts = 0;
    std::function<void()> again = [&] {
      EXPECT_FALSE(append(store.segment(), {value}));
      if (++attempts < 1000) store.store->when_writable(again);
    };
    store.store->when_writable(again);
    store.world.run_for(10s);
    EXPECT_GE(attempts, 5);
    EXPECT_LE(attempts, 12);
    store.crash(io::CrashModel::kLoseUnsynced);
  }
}

TEST(ShardStore, GoesThroughManyLogFilesAndKeepsOnlyAFew) {
  SimStore store(3);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  Strings written;
  for (int i = 0; i < 400; ++i) {
    written.push_back(std::string(1500, static_cast<char>('a' + i % 26)) + std::to_string(i));
    ASSERT_TRUE(append(segment, {written.back()}));
    if (i % 3 == 0) ASSERT_TRUE(store.wait_durable(segment));
  }
  ASSERT_TRUE(store.wait_durable(segment));
  store.settle();
  EXPECT_EQ(store.values(segment), written);
  EXPECT_EQ(store.values(segment, Offset(123), Offset(321), 1), Strings(written.begin() + 123, written.begin() + 321));
  const auto files = store.disk->list(layout::wal_directory(kNode, 0)).value();
  EXPECT_LE(files.size(), 1 + 1 + 2 + store.engine.wal_spare_files)
      << "checkpoint, current, complete (one more is used while the older is being synced), spare";

  store.crash(io::CrashModel::kTearLastWrite);
  ASSERT_TRUE(store.open());
  EXPECT_GT(store.report.batches_replayed, 0u);
  EXPECT_LT(store.report.log_bytes, 3 * store.engine.wal_file_bytes) << "recovery reads the log, not the data";
  EXPECT_EQ(store.values(store.segment()), written);
}

TEST(ShardStore, AScanOfOldRecordsLeavesTheTailInMemory) {
  SimStore store(5);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  Strings old;
  for (int i = 0; i < 200; ++i) {
    old.push_back(std::string(2000, 'x') + std::to_string(i));
    ASSERT_TRUE(append(segment, {old.back()}));
    ASSERT_TRUE(store.wait_durable(segment));
  }
  store.settle();  // all of it is in the file
  const Offset tail = segment.end();
  ASSERT_TRUE(append(segment, {"new"}));
  ASSERT_TRUE(store.wait_durable(segment));
  // What fails with such a disk had to read the file.
  const auto break_reads = [&] { store.disk->fail_nth(io::SimDisk::Operation::kRead, 1, "/topics/", UINT64_MAX); };
  break_reads();
  EXPECT_EQ(store.values(segment, tail, segment.end()), (Strings{"new"}));
  EXPECT_FALSE(store.read(segment, Offset(0), tail));
  store.disk->clear_faults();
  EXPECT_EQ(store.values(segment, Offset(0), tail), old);
  break_reads();
  EXPECT_EQ(store.values(segment, tail, segment.end()), (Strings{"new"})) << "went out of memory for a scan";
}

TEST(ShardStore, ARecordThatIsWaitedForCostsOneWriteAlsoWhereTheLogIsNew) {
  EngineOptions options;  // files that are not filled with zeros in one go
  SimStore store(test::fresh_seed(), options);
  ASSERT_TRUE(store.open());
  store.settle();
  std::uint64_t writes = 0;
  store.disk->set_hook([&](const io::SimDisk::Event& event) {
    writes += event.operation == io::SimDisk::Operation::kWrite && event.path.contains("/wal/");
  });
  Segment& segment = store.segment();
  constexpr std::uint64_t kRecords = 1000;  // 4 MiB of log
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    ASSERT_TRUE(append(segment, {"value"}));
    ASSERT_TRUE(store.wait_durable(segment));
  }
  EXPECT_GE(writes, kRecords);
  EXPECT_LE(writes, kRecords + kRecords / 50);
}

TEST(ShardStore, ASecondSmallWriteOfTheLogCarriesAsMuchAsTheFirst) {
  SimStore store(test::fresh_seed(), EngineOptions());
  ASSERT_TRUE(store.open());
  store.settle();
  std::uint64_t writes = 0;
  store.disk->set_hook([&](const io::SimDisk::Event& event) {
    writes += event.operation == io::SimDisk::Operation::kWrite && event.path.contains("/wal/") &&
              event.size < 64 * limits::kKiB;
  });
  Segment& segment = store.segment();
  const auto append_some = [&](int records) {
    for (int i = 0; i < records; ++i) ASSERT_TRUE(append(segment, {"value"}));
    store.world.run_for(1ms);
  };
  store.disk->set_latency(1s, 1s);
  append_some(10);
  EXPECT_EQ(writes, 1u);
  append_some(9);
  EXPECT_EQ(writes, 1u) << "a second write for less than the first one has";
  append_some(1);
  EXPECT_EQ(writes, 2u);
  append_some(100);
  EXPECT_EQ(writes, 2u) << "a third small one";
  EXPECT_TRUE(store.wait_durable(segment));
  EXPECT_EQ(writes, 3u);
}

TEST(ShardStore, CallersThatWaitForALogThatRunsAheadOfTheSegmentFilesAreWokenAgain) {
  EngineOptions engine = test::small_files();
  engine.max_unwritten_stalled_bytes = 24 * limits::kKiB;
  SimStore store(8, engine);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  const Offset last(500);
  std::size_t held_back = 0;
  std::function<void()> pump = [&] {
    while (store.store->writable() && segment.end() < last) ASSERT_TRUE(append(segment, {std::string(2000, 'x')}));
    if (segment.end() == last) return;
    store.store->when_writable(pump);
  };
  pump();
  const auto done = [&] {
    // Nothing is in the log's hands: it is the segment files that are behind.
    if (segment.durable_end() == segment.end() && !store.store->writable()) ++held_back;
    return segment.durable_end() == last;
  };
  EXPECT_TRUE(store.world.run_until(done, 60s));
  EXPECT_GT(held_back, 0u);
}

TEST(ShardStore, RefusesWhatDoesNotFit) {
  SimStore store(4);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  EXPECT_EQ(segment.append(SharedBytes(test::make_batch(Offset(1), {"x"}))).error().code, ErrorCode::kGap);
  std::string damaged = test::make_batch(Offset(0), {"x"});
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_EQ(segment.append(SharedBytes(damaged)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(segment.append(SharedBytes(test::make_batch(Offset(0), {std::string(70'000, 'x')}))).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(segment.end(), Offset(0));
  EXPECT_EQ(store.store->open_segment(kFirst, Offset(9)).error().code, ErrorCode::kConflict);

  ASSERT_TRUE(append(segment, {"kept"}));
  segment.seal();
  EXPECT_EQ(append(segment, {"late"}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(store.read(segment, Offset(0), Offset(2)).error().code, ErrorCode::kOffsetOutOfRange);
  EXPECT_TRUE(store.read(segment, Offset(1), Offset(1))->empty());
  ASSERT_TRUE(store.close());

  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.store->open_segment(kFirst, Offset(9)).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(store.segment().sealed());
  EXPECT_EQ(store.values(store.segment()), (Strings{"kept"}));
}

TEST(ShardStore, ARemovedSegmentStaysRemoved) {
  SimStore store(5);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(append(store.segment(), {"gone"}));
  ASSERT_TRUE(append(store.segment(kSecond), {"stays"}));
  ASSERT_TRUE(store.wait_durable(store.segment(kSecond)));
  ASSERT_TRUE(store.store->remove(kFirst));
  EXPECT_EQ(store.store->find(kFirst), nullptr);
  store.settle();
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.report.damage.empty());
  EXPECT_EQ(store.segment().end(), Offset(0));
  EXPECT_EQ(store.values(store.segment(kSecond)), (Strings{"stays"}));
}

TEST(ShardStore, APowerCutAroundARemovalNeverLeavesTheSecondHalfOfASegment) {
  for (const auto kind : {SyncPolicy::Kind::kAlways, SyncPolicy::Kind::kNever}) {
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
      SCOPED_TRACE(seed);
      SimStore store(seed);
      store.engine.sync.kind = kind;
      ASSERT_TRUE(store.open());
      // Over several files of the log, in which nothing else is needed.
      for (int i = 0; i < 40; ++i) {
        ASSERT_TRUE(append(store.segment(), {std::string(180, 'x')}));
        ASSERT_TRUE(append(store.segment(kSecond), {std::string(4000, 'y')}));
        if (i % 4 == 0) ASSERT_TRUE(store.wait_durable(store.segment(kSecond)));
      }
      ASSERT_TRUE(store.store->remove(kFirst));
      ASSERT_TRUE(append(store.segment(kSecond), {"behind it"}));
      store.world.run_for(std::chrono::microseconds(seed * 13));
      store.crash(io::kAllCrashModels[seed % io::kAllCrashModels.size()]);
      ASSERT_TRUE(store.open());
      EXPECT_TRUE(store.report.damage.empty()) << store.report.damage.front();
    }
  }
}

TEST(ShardStore, ARefilledSegmentHoldsOnlyItsNewBatches) {
  SimStore store(6);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(append(store.segment(), {"old", "older"}));
  ASSERT_TRUE(store.wait_durable(store.segment()));
  ASSERT_TRUE(store.store->remove(kFirst));
  ASSERT_TRUE(append(store.segment(kFirst, Offset(40)), {"new"}));
  ASSERT_TRUE(store.wait_durable(store.segment(kFirst, Offset(40))));
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment(kFirst, Offset(40))), (Strings{"new"}));
}

}  // namespace
}  // namespace walrus::storage
