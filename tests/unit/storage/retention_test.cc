// What upper rooms need to decide what goes, and that space comes back when it does.
#include <gtest/gtest.h>

#include "storage/layout.h"
#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using test::append;
using test::kFirst;
using test::kNode;
using test::SimStore;
using namespace std::chrono_literals;

/// Ten records a batch, 100 ms from one to the next; every seventh batch is late by a minute.
void append_timed(Segment& segment, std::size_t number) {
  BatchBuilder builder;
  for (std::size_t i = 0; i < 10; ++i) {
    const auto at = static_cast<std::int64_t>(1'000'000 + 1000 * number + 100 * i);
    builder.add(std::string(40, 'x'), number % 7 == 6 ? at - 60'000 : at);
  }
  ASSERT_TRUE(segment.append(SharedBytes(builder.finish(segment.end()))));
}

Offset find_time(SimStore& store, Segment& segment, std::int64_t timestamp_ms, Offset limit) {
  std::optional<Result<Offset>> found;
  segment.find_time(timestamp_ms, limit, [&](Result<Offset> offset) { found = std::move(offset); });
  EXPECT_TRUE(store.world.run_until([&] { return found.has_value(); }, 60s)) << "find_time() never answers";
  EXPECT_TRUE(found && *found);
  return found && *found ? **found : Offset(UINT64_MAX);
}

/// The dumb way.
Offset first_at_or_after(SimStore& store, Segment& segment, std::int64_t timestamp_ms, Offset limit) {
  for (Offset from = segment.base(); from < limit;) {
    const auto batches = store.read(segment, from, limit);
    if (!batches || batches->empty()) return Offset(UINT64_MAX);
    for (const SharedBytes& batch : *batches) {
      BatchReader reader(batch.view());
      for (auto record = reader.next(); record && *record; record = reader.next()) {
        if ((*record)->offset >= limit) return limit;
        if ((*record)->timestamp_ms >= timestamp_ms) return (*record)->offset;
        from = (*record)->offset + 1;
      }
    }
  }
  return limit;
}

TEST(Times, OfASegmentAreKnownWithoutReadingIt) {
  SimStore store(81);
  ASSERT_TRUE(store.open());
  EXPECT_FALSE(store.segment().times());
  for (std::size_t i = 0; i < 100; ++i) append_timed(store.segment(), i);
  const TimeRange expected{1'000'000, 1'099'900};
  EXPECT_EQ(store.segment().times(), expected);
  const std::uint64_t bytes = store.segment().bytes();
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.segment().times(), expected);
  EXPECT_EQ(store.segment().bytes(), bytes);
  store.segment().seal();
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.segment().times(), expected) << "from the footer";
  store.segment().truncate(Offset(500), [](const Status& status) { EXPECT_TRUE(status); });
  store.settle();
  EXPECT_EQ(store.segment().times()->latest_ms, 1'049'900);
  store.segment().truncate(Offset(0), [](const Status& status) { EXPECT_TRUE(status); });
  EXPECT_FALSE(store.segment().times());
}

TEST(Times, AreFoundInTheFileInMemoryAndNowhere) {
  SimStore store(82);
  ASSERT_TRUE(store.open());
  for (std::size_t i = 0; i < 120; ++i) {
    append_timed(store.segment(), i);
    if (i % 10 == 0) ASSERT_TRUE(store.wait_durable(store.segment()));
  }
  for (int life = 0; life < 3; ++life) {
    Segment& segment = store.segment();
    for (const std::int64_t at : {0, 940'000, 1'000'000, 1'000'001, 1'006'000, 1'033'333, 1'118'450, 1'119'900}) {
      for (const Offset limit : {segment.end(), Offset(345), Offset(0)}) {
        EXPECT_EQ(find_time(store, segment, at, limit), first_at_or_after(store, segment, at, limit)) << at;
      }
    }
    EXPECT_EQ(find_time(store, segment, 1'119'901, segment.end()), segment.end());
    if (life == 1) segment.seal();
    ASSERT_TRUE(store.close());
    ASSERT_TRUE(store.open());
  }
}

TEST(Space, ComesBackWhenSegmentsGoAndTheLogIsQuiet) {
  SimStore store(83);
  store.engine.max_unwritten_bytes = 64 * limits::kKiB;
  ASSERT_TRUE(store.open());
  // A burst that the segment files cannot keep up with: the log grows.
  store.disk->set_latency(50us, 100us);
  store.disk->fail_nth(io::SimDisk::Operation::kWrite, 1, "topics/", UINT64_MAX, ErrorCode::kDiskFull);
  const auto wal_files = [&] { return store.disk->list(layout::wal_directory(kNode, 0))->size(); };
  std::size_t most = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {
    Segment& segment = store.segment({TopicId(1 + i % 5), SegmentId(0)});
    ASSERT_TRUE(append(segment, {std::string(2000, 'x')}));
    ASSERT_TRUE(store.wait_durable(segment));
    most = std::max(most, wal_files());
  }
  EXPECT_GT(most, 20u);
  store.disk->clear_faults();
  ASSERT_TRUE(append(store.segment({TopicId(1), SegmentId(0)}), {"what makes it try again"}));
  store.world.run_for(2min);
  EXPECT_LE(wal_files(), 1 + 1 + store.engine.wal_spare_files) << "checkpoint, current, spare";
  for (std::uint64_t topic = 1; topic <= 5; ++topic) {
    const SegmentKey key{TopicId(topic), SegmentId(0)};
    EXPECT_GE(store.values(store.segment(key)).size(), 120u);
    ASSERT_TRUE(store.store->remove(key));
    EXPECT_TRUE(store.disk->list(layout::topic_directory(kNode, key.topic))->empty());
  }
  store.settle();
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.report.damage.empty());
  for (std::uint64_t topic = 1; topic <= 5; ++topic) {
    EXPECT_EQ(store.segment({TopicId(topic), SegmentId(0)}).end(), Offset(0));
  }
}

TEST(Space, AQuietStoreHasNothingToReplayAndDoesNothing) {
  SimStore store(84);
  ASSERT_TRUE(store.open());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append(store.segment(), {"value " + std::to_string(i)}));
  store.world.run_for(2min);
  const std::uint64_t changes = store.disk->changes();
  store.world.run_for(1h);
  EXPECT_EQ(store.disk->changes(), changes);
  EXPECT_EQ(store.values(store.segment()).size(), 100u);
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()).size(), 100u);
}

TEST(Space, ManySegmentsKeepMoreOfTheLogAndSyncLess) {
  std::array<std::uint64_t, 2> syncs{};
  for (const bool many : {false, true}) {
    SimStore store(85);
    store.engine.segment_worth_sync_bytes = many ? 16 * limits::kKiB : 1;
    ASSERT_TRUE(store.open());
    store.disk->set_hook([&](const io::SimDisk::Event& event) {
      if (event.operation == io::SimDisk::Operation::kSync && event.path.find("topics/") != std::string::npos)
        ++syncs[many];
    });
    for (std::uint64_t i = 0; i < 2000; ++i) {
      Segment& segment = store.segment({TopicId(1 + i % 40), SegmentId(0)});
      ASSERT_TRUE(append(segment, {std::string(900, 'x')}));
      if (i % 10 == 0) ASSERT_TRUE(store.wait_durable(segment));
    }
    store.crash(io::CrashModel::kLoseUnsynced);
    store.disk->set_hook({});
    ASSERT_TRUE(store.open());
    EXPECT_LT(store.report.log_files, limits::kWalMostKeptFiles + 4);
    for (std::uint64_t topic = 1; topic <= 40; ++topic) {
      EXPECT_GE(store.values(store.segment({TopicId(topic), SegmentId(0)})).size(), 49u);
    }
  }
  EXPECT_LT(syncs[1] * 3, syncs[0]);
}

}  // namespace
}  // namespace walrus::storage
