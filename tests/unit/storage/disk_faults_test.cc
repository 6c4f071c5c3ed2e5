// A full disk, failing writes and syncs, rot: each has its defined answer.
#include <gtest/gtest.h>

#include "storage/layout.h"
#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using Operation = io::SimDisk::Operation;
using test::append;
using test::filler;
using test::kFirst;
using test::kNode;
using test::kSecond;
using test::SimStore;
using Strings = std::vector<std::string>;
using namespace std::chrono_literals;

TEST(DiskFaults, AFullDiskRefusesAppendsAndTheLogResumesWhenThereIsSpace) {
  SimStore store(11);
  store.disk->set_capacity(300 * limits::kKiB);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  Strings accepted;
  Status status;
  for (std::size_t i = 0; i < 1000 && status; ++i) {
    status = append(segment, {filler(i)});
    if (status) accepted.push_back(filler(i));
    store.world.run_for(1ms);
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE(segment.status()) << "a full disk poisons nothing";
  EXPECT_GT(accepted.size(), 20u);

  store.disk->set_capacity(10 * limits::kMiB);
  // The attempts of clients are what looks for space again; nothing else runs.
  for (int i = 0; i < 10 && segment.end() == Offset(accepted.size()); ++i) {
    (void)append(segment, {"resumed"});
    store.world.run_for(limits::kStorageRetryInterval);
  }
  accepted.emplace_back("resumed");
  ASSERT_EQ(segment.end(), Offset(accepted.size()));
  ASSERT_TRUE(store.wait_durable(segment));
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), accepted);
}

TEST(DiskFaults, WhatWaitsForSpaceIsWrittenWhenThereIsSomeWithoutAnybodysHelp) {
  SimStore store(12);
  store.disk->set_capacity(140 * limits::kKiB);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  for (std::size_t i = 0; i < 200; ++i) ASSERT_TRUE(append(segment, {filler(i)})) << "the log does not know yet";
  store.world.run_for(3 * limits::kStorageRetryInterval);
  ASSERT_LT(segment.durable_end(), segment.end());
  ASSERT_TRUE(segment.status());
  store.disk->set_capacity(10 * limits::kMiB);
  store.world.run_for(2 * limits::kStorageRetryInterval);
  EXPECT_EQ(segment.durable_end(), segment.end());
}

TEST(DiskFaults, AStoreOnAFullDiskClosesAndKeepsWhatItHasAcknowledged) {
  for (const std::uint64_t kib : {140, 200, 300, 310, 340}) {
    SCOPED_TRACE(kib);
    SimStore store(21);
    store.disk->set_capacity(kib * limits::kKiB);
    ASSERT_TRUE(store.open());
    Segment& segment = store.segment();
    Strings accepted;
    while (append(segment, {filler(accepted.size())})) {
      accepted.push_back(filler(accepted.size()));
      if (accepted.size() % 7 == 0) store.world.run_for(300us);
    }
    std::optional<Status> promised;
    segment.promise(Epoch(3), [&](Status status) { promised = std::move(status); });
    const std::uint64_t acknowledged = segment.durable_end().value();
    EXPECT_LT(acknowledged, accepted.size()) << "something waits for space";
    (void)store.close();  // that it answers is what counts

    store.disk->set_capacity(10 * limits::kMiB);
    ASSERT_TRUE(store.open());
    EXPECT_TRUE(store.report.damage.empty());
    const auto kept = store.values(store.segment());
    EXPECT_GE(kept.size(), acknowledged);
    ASSERT_LE(kept.size(), accepted.size());
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), accepted.begin()));
    ASSERT_TRUE(append(store.segment(), {"there is space again"}));
    ASSERT_TRUE(store.wait_durable(store.segment()));
    ASSERT_TRUE(store.close());
  }
}

TEST(DiskFaults, AFailedLogWritePoisonsWhatWasInItAndNothingElse) {
  SimStore store(12);
  ASSERT_TRUE(store.open());
  Segment& broken = store.segment();
  Segment& other = store.segment(kSecond);
  ASSERT_TRUE(append(broken, {"kept"}));
  ASSERT_TRUE(store.wait_durable(broken));
  const std::uint64_t hash_of_kept = broken.hash();
  int calls = 0;
  broken.watch([&] { ++calls; });
  store.disk->fail_nth(Operation::kWrite, 1, ".wal");
  ASSERT_TRUE(append(broken, {"lost"}));
  store.settle();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(broken.status().error().code, ErrorCode::kPoisoned);
  EXPECT_EQ(append(broken, {"late"}).error().code, ErrorCode::kPoisoned);
  EXPECT_EQ(broken.durable_end(), Offset(1));
  EXPECT_EQ(broken.end(), Offset(2));
  EXPECT_EQ(broken.durable_hash(), hash_of_kept);
  EXPECT_NE(broken.hash(), hash_of_kept);
  EXPECT_EQ(store.values(broken), (Strings{"kept"}));

  ASSERT_TRUE(append(other, {"goes on"}));
  ASSERT_TRUE(store.wait_durable(other));
  store.crash(io::CrashModel::kKeepRandomWrites);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.report.damage, Strings{});
  EXPECT_EQ(store.values(store.segment()), (Strings{"kept"}));
  EXPECT_EQ(store.values(store.segment(kSecond)), (Strings{"goes on"}));
}

TEST(DiskFaults, AFailedLogWriteAmongSeveralNeverAcknowledgesWhatIsBehindIt) {
  std::size_t poisoned = 0;
  for (std::uint64_t seed = 100; seed < 160; ++seed) {
    SCOPED_TRACE(seed);
    SimStore store(seed);
    ASSERT_TRUE(store.open());
    std::map<SegmentKey, Strings> appended;
    const auto key = [](int i) { return SegmentKey{TopicId(1 + static_cast<std::uint64_t>(i)), SegmentId(0)}; };
    store.disk->fail_nth(Operation::kWrite, 3 + seed % 7, ".wal", 1 + seed % 3);
    for (int round = 0; round < 30; ++round) {
      Segment& segment = store.segment(key(round % 6));
      const std::string value = "round " + std::to_string(round);
      if (append(segment, {value})) appended[segment.key()].push_back(value);
      store.world.run_for(std::chrono::microseconds(50 + 40 * (seed % 4)));
    }
    store.settle();
    std::map<SegmentKey, Offset> durable;
    for (const auto& [k, values] : appended) {
      durable[k] = store.segment(k).durable_end();
      if (!store.segment(k).status()) ++poisoned;
    }
    store.crash(io::kAllCrashModels[seed % io::kAllCrashModels.size()]);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.report.damage, Strings{});
    for (const auto& [k, values] : appended) {
      Segment& segment = store.segment(k);
      EXPECT_GE(segment.end(), durable[k]);
      const auto read = store.values(segment);
      ASSERT_LE(read.size(), values.size());
      EXPECT_TRUE(std::equal(read.begin(), read.end(), values.begin()));
    }
  }
  EXPECT_GT(poisoned, 60u);
}

TEST(DiskFaults, AFailedSyncOfASegmentFileLosesNothing) {
  SimStore store(13);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  store.disk->fail_nth(Operation::kSync, 1, "topics/");
  Strings written;
  for (std::size_t i = 0; i < 200 && segment.status(); ++i) {
    if (!append(segment, {filler(i)})) break;
    if (store.wait_durable(segment)) written.push_back(filler(i));
  }
  ASSERT_FALSE(segment.status());
  EXPECT_EQ(segment.status().error().code, ErrorCode::kPoisoned);
  EXPECT_EQ(store.values(segment), written) << "durable records stay readable";
  // Other topics go on, and the log keeps what the broken file may have lost.
  Segment& other = store.segment(kSecond);
  for (std::size_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(append(other, {filler(i)}));
    ASSERT_TRUE(store.wait_durable(other));
  }
  store.settle();
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.report.damage, Strings{});
  const auto recovered = store.values(store.segment());
  ASSERT_GE(recovered.size(), written.size());
  EXPECT_LE(recovered.size(), written.size() + 1) << "one more had an unknown outcome";
  EXPECT_TRUE(std::equal(written.begin(), written.end(), recovered.begin()));
  EXPECT_TRUE(store.segment().status());
}

/// After a failed sync the page cache has what the disk does not, and the next sync has nothing to write.
TEST(DiskFaults, AfterAFailedSyncAStartOfTheProcessAloneLosesNothing) {
  SimStore store(13);
  ASSERT_TRUE(store.open());
  store.disk->fail_nth(Operation::kSync, 1, "topics/");
  Strings written;
  for (std::size_t i = 0; i < 200 && store.segment().status(); ++i) {
    if (!append(store.segment(), {filler(i)})) break;
    if (store.wait_durable(store.segment())) written.push_back(filler(i));
  }
  ASSERT_FALSE(store.segment().status());
  store.kill();
  ASSERT_TRUE(store.open());
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  const auto recovered = store.values(store.segment());
  ASSERT_GE(recovered.size(), written.size());
  EXPECT_TRUE(std::equal(written.begin(), written.end(), recovered.begin()));
}

TEST(DiskFaults, AnyPartOfALargeWriteThatFailsPoisonsTheSegmentAndLosesNothing) {
  for (const std::uint64_t part : {1, 2, 3, 4, 5, 6}) {
    SCOPED_TRACE(part);
    SimStore store(30 + part);
    ASSERT_TRUE(store.open());
    Segment& segment = store.segment();
    store.disk->fail_nth(Operation::kWrite, part, "topics/7/0.log");
    Strings written;
    for (std::size_t i = 0; i < 200 && segment.status(); ++i) {
      if (!append(segment, {filler(i)})) break;
      if (store.wait_durable(segment)) written.push_back(filler(i));
    }
    ASSERT_EQ(segment.status().error().code, ErrorCode::kPoisoned);
    EXPECT_EQ(store.values(segment, Offset(0), segment.durable_end()), written);
    ASSERT_TRUE(append(store.segment(kSecond), {"goes on"}));
    ASSERT_TRUE(store.wait_durable(store.segment(kSecond)));
    store.crash(io::kAllCrashModels[part % io::kAllCrashModels.size()]);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.report.damage, Strings{});
    const auto recovered = store.values(store.segment());
    ASSERT_GE(recovered.size(), written.size());
    EXPECT_TRUE(std::equal(written.begin(), written.end(), recovered.begin()));
  }
}

TEST(DiskFaults, ASegmentFileThatCannotBeWrittenForWantOfSpaceIsWrittenLater) {
  SimStore store(14);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  store.disk->fail_nth(Operation::kWrite, 1, "topics/", 3, ErrorCode::kDiskFull);
  Strings written;
  for (std::size_t i = 0; i < 60; ++i) {
    ASSERT_TRUE(append(segment, {filler(i)}));
    written.push_back(filler(i));
    store.world.run_for(200ms);
  }
  EXPECT_TRUE(segment.status());
  EXPECT_EQ(store.values(segment), written);
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.report.batches_replayed, 0u);
  EXPECT_EQ(store.values(store.segment()), written);
}

TEST(DiskFaults, AFailedRenameOfThePromisesKeepsThemInTheLog) {
  SimStore store(41);
  ASSERT_TRUE(store.open());
  bool answered = false;
  store.segment().promise(Epoch(7), [&](const Status& status) { answered = status.has_value(); });
  ASSERT_TRUE(store.world.run_until([&] { return answered; }, 10s));
  store.disk->fail_nth(Operation::kRename, 1, "promises", 3);
  Strings written;
  for (std::size_t i = 0; i < 150; ++i) {
    ASSERT_TRUE(append(store.segment(kSecond), {filler(i)}));
    written.push_back(filler(i));
    ASSERT_TRUE(store.wait_durable(store.segment(kSecond)));
  }
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.report.damage, Strings{});
  EXPECT_EQ(store.segment().promised(), Epoch(7));
  EXPECT_EQ(store.values(store.segment(kSecond)), written);
}

TEST(DiskFaults, AFailedRenameStopsAStartOrACloseAndTheNextStartFindsEverything) {
  SimStore store(42);
  ASSERT_TRUE(store.open());
  Strings written;
  const auto write_some = [&] {
    for (std::size_t i = 0; i < 20; ++i) {
      ASSERT_TRUE(append(store.segment(), {filler(i)}));
      written.push_back(filler(i));
    }
    ASSERT_TRUE(store.wait_durable(store.segment()));
  };
  write_some();
  store.disk->fail_nth(Operation::kRename, 1, "checkpoint");
  const Status closed = store.close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::kIo);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), written);
  write_some();

  store.crash(io::CrashModel::kTearLastWrite);
  for (const std::uint64_t nth : {1, 2}) {  // that of recovery, and that of the log
    store.disk->fail_nth(Operation::kRename, nth, "checkpoint");
    const Status opened = store.open();
    ASSERT_FALSE(opened) << nth;
    EXPECT_EQ(opened.error().code, ErrorCode::kIo);
    store.disk->clear_faults();
    store.loop->stop();
  }
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.report.damage, Strings{});
  EXPECT_EQ(store.values(store.segment()), written);
}

TEST(DiskFaults, ATopicWhoseDirectoryVanishesIsPoisonedAndOthersGoOnBeyondAllFilesOfTheLog) {
  for (const bool before_its_sync : {true, false}) {
    SCOPED_TRACE(before_its_sync);
    SimStore store(43);
    ASSERT_TRUE(store.open());
    Segment& gone = store.segment();
    for (std::size_t i = 0; i < 8; ++i) ASSERT_TRUE(append(gone, {filler(i)}));
    ASSERT_TRUE(store.wait_durable(gone));
    if (!before_its_sync) ASSERT_TRUE(store.close());
    if (!before_its_sync) ASSERT_TRUE(store.open());
    Segment& vanished = store.segment();
    const std::string directory = layout::topic_directory(kNode, kFirst.topic);
    ASSERT_TRUE(store.world.run_until([&] { return store.disk->list(directory).has_value(); }, 10s));
    for (const std::string& name : store.disk->list(directory).value()) {
      ASSERT_TRUE(store.disk->remove(directory + "/" + name));
    }
    ASSERT_TRUE(store.disk->remove(directory));

    // More than the log may hold of a topic that is never synced again.
    Segment& other = store.segment(kSecond);
    Strings written;
    const std::uint64_t enough = 2 * limits::kWalMaxLiveFiles * store.engine.wal_file_bytes;
    for (std::uint64_t bytes = 0; bytes < enough; bytes += filler(0).size() * 4) {
      (void)append(vanished, {"until it is known"});
      const Strings four = {filler(1), filler(2), filler(3), filler(4)};
      ASSERT_TRUE(append(other, four)) << bytes;
      written.insert(written.end(), four.begin(), four.end());
      ASSERT_TRUE(store.wait_durable(other));
    }
    store.settle();
    ASSERT_FALSE(vanished.status());
    EXPECT_NE(vanished.status().error().detail.find("is gone"), std::string::npos) << vanished.status().error().detail;

    // Its next segment makes the directory anew.
    const SegmentKey next{kFirst.topic, SegmentId(1)};
    ASSERT_TRUE(append(store.segment(next), {"after it"}));
    ASSERT_TRUE(store.wait_durable(store.segment(next)));
    store.crash(io::CrashModel::kLoseUnsynced);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.report.damage, Strings{});
    EXPECT_EQ(store.values(store.segment(kSecond)), written);
    EXPECT_EQ(store.values(store.segment(next)), (Strings{"after it"}));
  }
}

TEST(DiskFaults, CallersThatWaitToWriteAreToldOfAFullDiskAndResume) {
  EngineOptions engine = test::small_files();
  engine.max_unwritten_stalled_bytes = 64 * limits::kKiB;
  SimStore store(20, engine);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  store.disk->fail_nth(Operation::kWrite, 1, "topics/", 5, ErrorCode::kDiskFull);
  std::size_t refused = 0;
  const Offset last(300);
  std::function<void()> pump = [&] {
    while (store.store->writable() && segment.end() < last) {
      const Status status = append(segment, {filler(1)});
      if (status) continue;
      EXPECT_EQ(status.error().code, ErrorCode::kDiskFull);
      ++refused;
      return;  // the client comes back later
    }
    if (segment.end() < last) store.store->when_writable(pump);
  };
  for (int i = 0; i < 100 && segment.end() < last; ++i) {
    pump();
    store.world.run_for(100ms);
  }
  EXPECT_GT(refused, 0u);
  EXPECT_EQ(segment.end(), last);
  EXPECT_TRUE(store.wait_durable(segment));
}

class Rot : public ::testing::Test {
 protected:
  /// Forty records, the log still holds all of them, then a power cut.
  void write_and_crash(SimStore& store, EngineOptions engine) {
    store.engine = engine;
    ASSERT_TRUE(store.open());
    for (int i = 0; i < 40; ++i) {
      written_.push_back("record " + std::to_string(i));
      ASSERT_TRUE(append(store.segment(), {written_.back()}));
      ASSERT_TRUE(store.wait_durable(store.segment()));
    }
    store.settle();
    store.crash(io::CrashModel::kLoseUnsynced);
  }
  Strings written_;
};

TEST_F(Rot, InTheMiddleOfTheLogIsReportedAndNeverSilentlyShortens) {
  SimStore store(15);
  EngineOptions engine = test::small_files();
  engine.wal_file_bytes = 1 * limits::kMiB;
  engine.segment_write_bytes = 1 * limits::kMiB;  // nothing is in the segment file yet
  write_and_crash(store, engine);
  // Each record has a block of its own.
  store.disk->flip_bits(layout::wal_directory(kNode, 0) + "/000001.wal", 10 * 4096 + 100);
  ASSERT_TRUE(store.open());
  ASSERT_FALSE(store.report.damage.empty());
  EXPECT_NE(store.report.damage[0].find("000001.wal at 40960: groups 11 to 11"), std::string::npos)
      << store.report.damage[0];
  Segment& segment = store.segment();
  EXPECT_EQ(segment.status().error().code, ErrorCode::kCorrupt) << "suspect";
  EXPECT_NE(segment.status().error().detail.find("offsets 10 to 11"), std::string::npos)
      << segment.status().error().detail;
  EXPECT_FALSE(append(segment, {"not on top of damage"}));
  EXPECT_EQ(store.values(segment, Offset(0), Offset(10)), Strings(written_.begin(), written_.begin() + 10));
  EXPECT_FALSE(store.disk->list(layout::quarantine_directory(kNode))->empty());

  // The next start still knows.
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.report.damage.empty()) << "reported once";
  EXPECT_EQ(store.segment().status().error().code, ErrorCode::kCorrupt);
}

TEST_F(Rot, InTheLastAcknowledgedBatchIsToldFromATornWrite) {
  SimStore store(16);
  EngineOptions engine = test::small_files();
  engine.wal_file_bytes = 1 * limits::kMiB;
  engine.segment_write_bytes = 1 * limits::kMiB;
  write_and_crash(store, engine);
  store.disk->flip_bits(layout::wal_directory(kNode, 0) + "/000001.wal", 39 * 4096 + 150);
  ASSERT_TRUE(store.open());
  ASSERT_FALSE(store.report.damage.empty()) << "the mark behind it says that it was durable";
  EXPECT_FALSE(store.segment().status());
  EXPECT_EQ(store.values(store.segment()), Strings(written_.begin(), written_.end() - 1));
}

TEST_F(Rot, InASegmentFileIsReportedByTheReadThatMeetsIt) {
  SimStore store(17);
  ASSERT_TRUE(store.open());
  Strings written;
  for (std::size_t i = 0; i < 40; ++i) {
    written.push_back(filler(i));
    ASSERT_TRUE(append(store.segment(), {written.back()}));
  }
  ASSERT_TRUE(store.wait_durable(store.segment()));
  ASSERT_TRUE(store.close());
  const std::string log = layout::segment_log(kNode, kFirst);
  const std::uint64_t batch = test::make_batch(Offset(0), {filler(0)}).size();
  store.disk->flip_bits(log, 20 * batch + 500);

  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  ASSERT_EQ(segment.end(), Offset(40));
  EXPECT_EQ(store.values(segment, Offset(0), Offset(20)), Strings(written.begin(), written.begin() + 20));
  const auto damaged = store.read(segment, Offset(20), Offset(21));
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(damaged.error().detail.find(log + " at " + std::to_string(20 * batch)), std::string::npos)
      << damaged.error().detail;
  EXPECT_EQ(store.values(segment, Offset(21), Offset(40)), Strings(written.begin() + 21, written.end()));
}

TEST_F(Rot, BehindTheLastIndexEntryIsFoundWhenTheSegmentIsOpened) {
  SimStore store(18);
  ASSERT_TRUE(store.open());
  for (std::size_t i = 0; i < 10; ++i) ASSERT_TRUE(append(store.segment(), {filler(i)}));
  ASSERT_TRUE(store.close());
  const std::uint64_t batch = test::make_batch(Offset(0), {filler(0)}).size();
  store.disk->flip_bits(layout::segment_log(kNode, kFirst), 9 * batch + 500);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.segment().status().error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(store.segment().end(), Offset(9));
  EXPECT_EQ(store.values(store.segment()).size(), 9u);
}

TEST_F(Rot, OfTheIndexCostsNothingButTime) {
  SimStore store(19);
  ASSERT_TRUE(store.open());
  Strings written;
  for (std::size_t i = 0; i < 40; ++i) {
    written.push_back(filler(i));
    ASSERT_TRUE(append(store.segment(), {written.back()}));
  }
  store.segment().seal();
  ASSERT_TRUE(store.close());
  const std::string index = layout::segment_index(kNode, kFirst);
  for (const std::uint64_t position : {3, 40, 100, 700}) {
    store.disk->flip_bits(index, position);
    ASSERT_TRUE(store.open());
    EXPECT_TRUE(store.segment().status());
    EXPECT_EQ(store.values(store.segment()), written);
    EXPECT_EQ(store.values(store.segment(), Offset(33), Offset(35)),
              Strings(written.begin() + 33, written.begin() + 35));
    ASSERT_TRUE(store.close());
  }
  ASSERT_TRUE(store.disk->remove(index));
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), written);
}

}  // namespace
}  // namespace walrus::storage
