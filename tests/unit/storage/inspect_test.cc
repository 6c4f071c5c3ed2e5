#include "storage/inspect.h"

#include <gtest/gtest.h>

#include "storage/layout.h"
#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using test::append;
using test::kFirst;
using test::kNode;
using test::kSecond;
using test::SimStore;

class Inspect : public ::testing::Test {
 protected:
  /// A sealed segment, an open one with a part that is only in the log, then a power cut.
  void SetUp() override {
    ASSERT_TRUE(store_.open());
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(append(store_.segment(), {std::string(1000, 'x'), "y"}));
    store_.segment().seal();
    ASSERT_TRUE(store_.wait_durable(store_.segment()));
    ASSERT_TRUE(store_.close());
    ASSERT_TRUE(store_.open());
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(append(store_.segment(kSecond, Offset(50)), {std::string(1500, 'z')}));
    ASSERT_TRUE(store_.wait_durable(store_.segment(kSecond, Offset(50))));
    store_.settle();
    store_.crash(io::CrashModel::kLoseUnsynced);
  }
  Inspection look(bool verify) {
    const std::uint64_t changes = store_.disk->changes();
    auto inspection = inspect(*store_.disk, kNode, {.verify = verify, .progress = {}});
    EXPECT_TRUE(inspection) << inspection.error().message();
    EXPECT_EQ(store_.disk->changes(), changes) << "looking changes nothing";
    return inspection ? *inspection : Inspection{};
  }
  SimStore store_{31};
};

TEST_F(Inspect, ListsSegmentsAndWhatTheLogStillHolds) {
  const Inspection before = look(false);
  ASSERT_EQ(before.logs.size(), 1u);
  EXPECT_GT(before.logs[0].batches, 0u);
  EXPECT_FALSE(before.damaged());
  ASSERT_FALSE(before.segments.empty());
  EXPECT_EQ(before.segments[0].key, kFirst);
  EXPECT_EQ(before.segments[0].end, Offset(60));
  EXPECT_TRUE(before.segments[0].sealed);
  EXPECT_EQ(before.segments[0].batches_checked, 0u) << "the footer says it all";

  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(store_.close());
  const Inspection after = look(true);
  EXPECT_EQ(after.logs[0].batches, 0u);
  ASSERT_EQ(after.segments.size(), 2u);
  EXPECT_EQ(after.segments[0].batches_checked, 30u);
  EXPECT_EQ(after.segments[1].key, kSecond);
  EXPECT_EQ(after.segments[1].base, Offset(50));
  EXPECT_EQ(after.segments[1].end, Offset(60));
  EXPECT_EQ(after.bytes_read, after.segments[0].bytes + after.segments[1].bytes);
  EXPECT_TRUE(after.unknown.empty());

  std::uint64_t batches = 0;
  const auto trouble = list_batches(*store_.disk, kNode, kFirst, [&](const BatchHeader& batch, std::uint64_t) {
    EXPECT_EQ(batch.base_offset, Offset(2 * batches));
    ++batches;
  });
  ASSERT_TRUE(trouble);
  EXPECT_EQ(*trouble, "");
  EXPECT_EQ(batches, 30u);
}

TEST_F(Inspect, VerifyFindsRotAndGoesOnBehindIt) {
  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(store_.close());
  const std::string log = layout::segment_log(kNode, kFirst);
  const std::uint64_t size = test::make_batch(Offset(0), {std::string(1000, 'x'), "y"}).size();
  store_.disk->flip_bits(log, 3 * size + 300);
  EXPECT_FALSE(look(false).damaged()) << "not read";
  const Inspection found = look(true);
  ASSERT_TRUE(found.damaged());
  ASSERT_EQ(found.segments[0].damage.size(), 1u);
  EXPECT_EQ(found.segments[0].damage[0], log + " at " + std::to_string(3 * size) + " to " + std::to_string(4 * size) +
                                             ", offsets 6 to 8: batch: CRC mismatch");
  EXPECT_EQ(found.segments[0].batches_checked, 29u);
  EXPECT_EQ(found.segments[0].end, Offset(60));
}

TEST_F(Inspect, KnowsThePromisesThatTheNextStartWouldKnow) {
  ASSERT_TRUE(store_.open());
  const auto promise = [this](Segment& segment, std::uint64_t epoch) {
    bool answered = false;
    segment.promise(Epoch(epoch), [&](const Status& status) { answered = status.has_value(); });
    ASSERT_TRUE(store_.world.run_until([&] { return answered; }, std::chrono::seconds(10)));
  };
  promise(store_.segment(kFirst), 40);
  promise(store_.segment(kSecond, Offset(50)), 41);
  ASSERT_TRUE(store_.close());  // in the shard's file
  ASSERT_TRUE(store_.open());   // in the node's file
  promise(store_.segment(kFirst), 50);
  const SegmentKey empty{TopicId(9), SegmentId(0)};
  promise(store_.segment(empty), 60);
  ASSERT_TRUE(store_.store->remove(kSecond));
  store_.settle();
  store_.crash(io::CrashModel::kLoseUnsynced);

  using Promised = std::map<SegmentKey, Epoch>;
  EXPECT_EQ(look(false).promises.promised, (Promised{{kFirst, Epoch(50)}, {empty, Epoch(60)}}));
  ASSERT_TRUE(store_.open());
  EXPECT_EQ(store_.segment(kFirst).promised(), Epoch(50));
  EXPECT_EQ(look(false).promises.promised, (Promised{{kFirst, Epoch(50)}, {empty, Epoch(60)}}));
  ASSERT_TRUE(store_.close());

  store_.disk->flip_bits(layout::node_promises(kNode), 40);
  const Inspection damaged = look(false);
  EXPECT_TRUE(damaged.damaged());
  ASSERT_EQ(damaged.promises.damage.size(), 1u);
  EXPECT_EQ(damaged.promises.damage[0], layout::node_promises(kNode) + ": promises: CRC mismatch");
  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(store_.close());
  EXPECT_TRUE(look(false).promises.lost_through.has_value());
}

TEST_F(Inspect, NamesWhatItDoesNotKnow) {
  ASSERT_TRUE(store_.disk->make_directories(kNode + "/topics/notes"));
  ASSERT_TRUE(store_.disk->replace_file(kNode + "/topics/7/readme.txt", "hello"));
  const Inspection found = look(false);
  EXPECT_EQ(found.unknown, (std::vector<std::string>{kNode + "/topics/7/readme.txt", kNode + "/topics/notes"}));
}

}  // namespace
}  // namespace walrus::storage
