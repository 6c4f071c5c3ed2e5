// What a start costs depends on what the log still holds, and not on how much lies in the segment files. Counted in
// bytes and calls on the simulated disk, not in time.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using test::append;
using test::kNode;
using test::SimStore;

constexpr std::uint64_t kTopics = 20;
constexpr std::uint64_t kBatchBytes = 4 * limits::kKiB;

SegmentKey key_of(std::uint64_t topic) { return {TopicId(topic), SegmentId(0)}; }

struct Work {
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t syncs = 0;

  std::string text() const {
    return fmt::format("{} bytes read, {} written, {} syncs", bytes_read, bytes_written, syncs);
  }
};

/// Files of 256 KiB, so that little of the history is still in the log.
EngineOptions options() {
  EngineOptions options;
  options.wal_file_bytes = 256 * limits::kKiB;
  options.wal_max_write_bytes = 64 * limits::kKiB;
  options.segment_write_bytes = 32 * limits::kKiB;
  options.segment_worth_sync_bytes = 4 * limits::kKiB;
  options.index_interval_bytes = 16 * limits::kKiB;
  return options;
}

void write_rounds(SimStore& store, std::uint64_t rounds) {
  const std::string value(kBatchBytes, 'x');
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (std::uint64_t topic = 1; topic <= kTopics; ++topic) {
      Segment& segment = store.segment(key_of(topic));
      ASSERT_TRUE(append(segment, {value}));
      if (topic == kTopics) ASSERT_TRUE(store.wait_durable(segment));
    }
  }
}

/// Writes `rounds` batches to each topic, kills the program, and counts what recovery and the opening of all segments
/// ask of the disk.
Work work_of_start(std::uint64_t rounds, std::uint64_t& data) {
  SimStore store(test::fresh_seed(), options());
  EXPECT_TRUE(store.open());
  write_rounds(store, rounds);
  store.settle();  // what can be written out is
  write_rounds(store, 5);
  store.kill();

  Work work;
  store.disk->set_hook([&](const io::SimDisk::Event& event) {
    using Operation = io::SimDisk::Operation;
    if (event.operation == Operation::kRead) work.bytes_read += event.size;
    if (event.operation == Operation::kWrite) work.bytes_written += event.size;
    if (event.operation == Operation::kSync || event.operation == Operation::kSyncDirectory) ++work.syncs;
  });
  EXPECT_TRUE(store.open());
  EXPECT_TRUE(store.report.damage.empty());
  data = 0;
  for (std::uint64_t topic = 1; topic <= kTopics; ++topic) {
    const Segment& segment = store.segment(key_of(topic));
    EXPECT_EQ(segment.end(), Offset(rounds + 5));
    data += segment.bytes();
  }
  return work;
}

TEST(RecoveryWork, DoesNotGrowWithTheDataThatIsSafeInSegmentFiles) {
  std::uint64_t little = 0;
  std::uint64_t much = 0;
  const Work small = work_of_start(50, little);
  const Work large = work_of_start(800, much);
  SCOPED_TRACE(fmt::format("{} bytes of data: {}; {} bytes of data: {}", little, small.text(), much, large.text()));
  ASSERT_GT(much, 10 * little);
  // Where the log's files end differs from run to run by a file or two; indexes grow by a few bytes for each 16 KiB.
  EXPECT_LE(large.bytes_read, small.bytes_read * 2 + 1 * limits::kMiB);
  EXPECT_LT(large.bytes_read, much / 4);
  EXPECT_LE(large.bytes_written, small.bytes_written * 2 + 512 * limits::kKiB);
  EXPECT_LE(large.syncs, small.syncs + kTopics);
}

TEST(RecoveryWork, SyncsEachSegmentThatTheLogNamesOnceAndNoOther) {
  SimStore store(test::fresh_seed(), options());
  ASSERT_TRUE(store.open());
  write_rounds(store, 100);
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  for (std::uint64_t topic = 1; topic <= 3; ++topic) {
    Segment& segment = store.segment(key_of(topic));
    ASSERT_TRUE(append(segment, {"late"}));
    ASSERT_TRUE(store.wait_durable(segment));
  }
  store.kill();
  std::uint64_t synced = 0;
  store.disk->set_hook([&](const io::SimDisk::Event& event) {
    synced += event.operation == io::SimDisk::Operation::kSync && event.path.ends_with(".log");
  });
  ASSERT_TRUE(store.open());
  EXPECT_EQ(synced, 3u);
}

}  // namespace
}  // namespace walrus::storage
