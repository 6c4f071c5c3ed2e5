// Names on the disk fail, not contents: a rename that is refused, a directory that has vanished. What was acknowledged
// stays, the trouble is said, and what does not need the name goes on.
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

constexpr std::uint64_t kForEver = 1'000'000;

Strings write(SimStore& store, SegmentKey key, std::size_t from, std::size_t to) {
  Strings values;
  for (std::size_t i = from; i < to; ++i) {
    values.push_back(filler(i));
    EXPECT_TRUE(append(store.segment(key), {values.back()}));
    EXPECT_TRUE(store.wait_durable(store.segment(key)));
  }
  return values;
}

TEST(FailedRename, AtTheStartIsSaidAndTheNextStartFindsEverything) {
  SimStore store(31);
  ASSERT_TRUE(store.open());
  const Strings values = write(store, kFirst, 0, 40);
  store.crash(io::CrashModel::kLoseUnsynced);
  // Each name that a start replaces, in turn: the node's promises, the checkpoint after recovery and at the opening.
  std::size_t failures = 0;
  for (std::uint64_t nth = 1; nth <= 5; ++nth) {
    store.disk->fail_nth(Operation::kRename, nth);
    const Status opened = store.open();
    store.disk->clear_faults();
    if (opened) {
      ASSERT_TRUE(store.close());
      break;
    }
    EXPECT_EQ(opened.error().code, ErrorCode::kIo);
    ++failures;
    store.loop->stop();
    store.disk->kill_process();
  }
  EXPECT_GE(failures, 2u);
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.report.damage.empty());
  EXPECT_EQ(store.values(store.segment()), values);
}

TEST(FailedRename, AtACleanStopIsSaidAndCostsTheNextStartAReplay) {
  SimStore store(32);
  ASSERT_TRUE(store.open());
  const Strings values = write(store, kFirst, 0, 10);
  store.disk->fail_nth(Operation::kRename, 1, "checkpoint", kForEver);
  EXPECT_FALSE(store.close());
  store.disk->clear_faults();
  store.disk->crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), values);
}

TEST(FailedRename, LeavesADamagedCopyInItsPlace) {
  SimStore store(33);
  ASSERT_TRUE(store.open());
  const Strings values = write(store, kFirst, 0, 10);
  store.segment().seal();
  store.settle();
  store.disk->fail_nth(Operation::kRename, 1, "/topics/", kForEver);
  EXPECT_FALSE(store.store->set_aside(kFirst, Offset(0)));
  store.disk->clear_faults();
  store.crash(io::CrashModel::kLoseUnsynced);
  EXPECT_TRUE(store.disk->exists(layout::segment_log(kNode, kFirst)).value());
  EXPECT_TRUE(store.open());
}

TEST(VanishedDirectory, OfATopicFailsItsSegmentWithoutLosingARecordAndLeavesTheOthersAlone) {
  SimStore store(34);
  ASSERT_TRUE(store.open());
  store.disk->fail_nth(Operation::kCreate, 1, "/topics/7/", kForEver, ErrorCode::kNotFound);
  Strings first;
  for (std::size_t i = 0; i < 100 && store.segment(kFirst).status(); ++i) {
    if (!append(store.segment(kFirst), {filler(i)})) break;
    if (store.wait_durable(store.segment(kFirst))) first.push_back(filler(i));
  }
  store.settle();
  EXPECT_EQ(store.segment(kFirst).status().error().code, ErrorCode::kPoisoned);
  EXPECT_FALSE(append(store.segment(kFirst), {"more"}));
  const Strings second = write(store, kSecond, 0, 20);
  EXPECT_GE(first.size(), 1u);

  store.disk->clear_faults();
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  const Strings kept = store.values(store.segment(kFirst));
  ASSERT_GE(kept.size(), first.size());  // what was in flight may be there, too
  EXPECT_TRUE(std::equal(first.begin(), first.end(), kept.begin()));
  EXPECT_EQ(store.values(store.segment(kSecond)), second);
}

TEST(VanishedDirectory, OfTheLogStopsAppendsInWordsUntilItIsBack) {
  SimStore store(35);
  ASSERT_TRUE(store.open());
  store.disk->fail_nth(Operation::kCreate, 1, "/wal/", kForEver, ErrorCode::kNotFound);
  Strings accepted;
  Status status;
  for (std::size_t i = 0; i < 1000 && status; ++i) {
    status = append(store.segment(), {filler(i)});
    if (status) accepted.push_back(filler(i));
    store.world.run_for(1ms);
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store.segment().status()) << "nothing was lost, so nothing is poisoned";
  const Strings readable = store.values(store.segment());  // reads go on
  EXPECT_TRUE(std::equal(readable.begin(), readable.end(), accepted.begin()));

  store.disk->clear_faults();
  for (int i = 0; i < 10 && store.segment().end() == Offset(accepted.size()); ++i) {
    (void)append(store.segment(), {"resumed"});
    store.world.run_for(limits::kStorageRetryInterval);
  }
  accepted.emplace_back("resumed");
  ASSERT_EQ(store.segment().end(), Offset(accepted.size()));
  ASSERT_TRUE(store.wait_durable(store.segment()));
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), accepted);
}

}  // namespace
}  // namespace walrus::storage
