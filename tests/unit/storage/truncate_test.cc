// Cutting the end off a segment, wherever it is just then: in memory, in the log, in the file.
#include <gtest/gtest.h>

#include "storage/content_hash.h"
#include "storage/layout.h"
#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using test::append;
using test::kFirst;
using test::kNode;
using test::SimStore;
using Strings = std::vector<std::string>;
using namespace std::chrono_literals;

Status truncate(SimStore& store, Segment& segment, Offset end) {
  std::optional<Status> answer;
  segment.truncate(end, [&](Status status) { answer = std::move(status); });
  EXPECT_TRUE(store.world.run_until([&] { return answer.has_value(); }, 60s)) << "truncate() never answers";
  return answer.value_or(fail(ErrorCode::kTimedOut));
}

/// The hash that the segment should have, from its batches.
std::uint64_t hash_of(SimStore& store, Segment& segment) {
  std::uint64_t hash = 0;
  for (Offset from = segment.base(); from < segment.end();) {
    const auto batches = store.read(segment, from, segment.end());
    EXPECT_TRUE(batches && !batches->empty());
    if (!batches || batches->empty()) return 0;
    for (const SharedBytes& batch : *batches) {
      const auto header = parse_batch_header(batch.view());
      hash = extend_hash(hash, *header);
      from = header->end_offset();
    }
  }
  return hash;
}

Strings fill(SimStore& store, Segment& segment, int batches, const std::string& name) {
  Strings values;
  for (int i = 0; i < batches; ++i) {
    values.push_back(name + std::to_string(i) + std::string(400, 'x'));
    EXPECT_TRUE(append(segment, {values.back()}));
    if (i % 5 == 4) EXPECT_TRUE(store.wait_durable(segment));
  }
  return values;
}

TEST(Truncate, DropsWhatIsBehindAndTheSegmentGoesOn) {
  // Little is only in memory, much is mostly in the file.
  for (const int batches : {6, 60, 300}) {
    for (const int keep : {0, 1, batches / 2, batches - 1, batches}) {
      SCOPED_TRACE(testing::Message() << keep << " of " << batches);
      SimStore store(71);
      ASSERT_TRUE(store.open());
      Segment& segment = store.segment();
      Strings values = fill(store, segment, batches, "old ");
      ASSERT_TRUE(truncate(store, segment, Offset(static_cast<std::uint64_t>(keep))));
      values.resize(static_cast<std::size_t>(keep));
      EXPECT_EQ(segment.end(), Offset(values.size()));
      EXPECT_EQ(store.values(segment), values);
      EXPECT_EQ(segment.hash(), hash_of(store, segment));
      for (std::string& value : fill(store, segment, 40, "new ")) values.push_back(std::move(value));
      ASSERT_TRUE(store.wait_durable(segment));
      store.settle();
      EXPECT_EQ(store.values(segment), values);
      const std::uint64_t hash = segment.hash();
      store.crash(io::CrashModel::kKeepRandomWrites);
      ASSERT_TRUE(store.open());
      EXPECT_TRUE(store.report.damage.empty()) << store.report.damage.front();
      EXPECT_EQ(store.values(store.segment()), values);
      EXPECT_EQ(store.segment().hash(), hash);
      ASSERT_TRUE(store.close());
      ASSERT_TRUE(store.open());
      EXPECT_EQ(store.values(store.segment()), values);
      EXPECT_EQ(store.segment().hash(), hash);
    }
  }
}

TEST(Truncate, TakesWhatIsStillOnItsWayToTheDisk) {
  SimStore store(72);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  for (int round = 0; round < 50; ++round) {
    const Offset keep = segment.durable_end();
    ASSERT_TRUE(append(segment, {"in flight"}));
    ASSERT_TRUE(append(segment, {"and another"}));
    store.world.run_for(std::chrono::microseconds(7 * round));
    ASSERT_TRUE(truncate(store, segment, keep + 1));
    EXPECT_EQ(segment.durable_end(), keep + 1);
  }
  EXPECT_EQ(store.values(segment), Strings(50, "in flight"));
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), Strings(50, "in flight"));
}

TEST(Truncate, SeveralCutsInARowAllHold) {
  SimStore store(73);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  (void)fill(store, segment, 100, "a ");
  int answers = 0;
  const auto count = [&](const Status& status) {
    EXPECT_TRUE(status);
    ++answers;
  };
  segment.truncate(Offset(60), count);
  segment.truncate(Offset(30), count);
  ASSERT_TRUE(append(segment, {"b"}));
  ASSERT_TRUE(append(segment, {"c"}));
  segment.truncate(Offset(31), count);
  ASSERT_TRUE(append(segment, {"d"}));
  ASSERT_TRUE(store.wait_durable(segment));
  EXPECT_EQ(answers, 3);
  store.settle();
  const Strings values = store.values(segment);
  ASSERT_EQ(values.size(), 32u);
  EXPECT_EQ(values[30], "b");
  EXPECT_EQ(values[31], "d");
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), values);
}

TEST(Truncate, WhileTheFileIsBeingWrittenAndSynced) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    SimStore store(seed);
    ASSERT_TRUE(store.open());
    io::Random random(seed);
    Segment& segment = store.segment();
    Strings values;
    int unanswered = 0;
    for (int round = 0; round < 30; ++round) {
      for (auto i = random.below(12); i > 0; --i) {
        values.push_back(std::to_string(random.next()) + std::string(random.below(2000), 'v'));
        ASSERT_TRUE(append(segment, {values.back()}));
      }
      store.world.run_for(std::chrono::microseconds(random.below(1500)));
      if (!random.chance(0.5)) continue;
      const auto keep = values.size() - random.below(std::min<std::size_t>(values.size(), 20) + 1);
      ++unanswered;
      segment.truncate(Offset(keep), [&](const Status& status) {
        EXPECT_TRUE(status);
        --unanswered;
      });
      values.resize(keep);
      EXPECT_EQ(segment.end(), Offset(keep));
    }
    ASSERT_TRUE(store.wait_durable(segment));
    ASSERT_TRUE(store.world.run_until([&] { return unanswered == 0; }, 60s));
    EXPECT_TRUE(store.values(segment) == values);
    const std::uint64_t hash = segment.hash();
    if (seed % 2 == 0) {
      ASSERT_TRUE(store.close());
    } else {
      store.crash(io::kAllCrashModels[seed % io::kAllCrashModels.size()]);
    }
    ASSERT_TRUE(store.open());
    EXPECT_TRUE(store.report.damage.empty());
    EXPECT_TRUE(store.values(store.segment()) == values);
    EXPECT_EQ(store.segment().hash(), hash);
  }
}

TEST(Truncate, OpensASealedSegmentAgain) {
  SimStore store(74);
  ASSERT_TRUE(store.open());
  Strings values = fill(store, store.segment(), 50, "x ");
  store.segment().seal();
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  ASSERT_TRUE(segment.sealed());
  ASSERT_TRUE(truncate(store, segment, Offset(20)));
  EXPECT_FALSE(segment.sealed());
  ASSERT_TRUE(append(segment, {"y"}));
  segment.seal();
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  values.resize(20);
  values.emplace_back("y");
  EXPECT_TRUE(store.segment().sealed());
  EXPECT_EQ(store.values(store.segment()), values);
  EXPECT_EQ(store.segment().hash(), hash_of(store, store.segment()));
}

TEST(Truncate, RefusesWhatIsNoEndOfABatch) {
  SimStore store(75);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  ASSERT_TRUE(append(segment, {"a", "b"}));
  ASSERT_TRUE(store.wait_durable(segment));
  EXPECT_EQ(truncate(store, segment, Offset(1)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(truncate(store, segment, Offset(3)).error().code, ErrorCode::kOffsetOutOfRange);
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  EXPECT_EQ(truncate(store, store.segment(), Offset(1)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store.segment().end(), Offset(2));
}

TEST(Truncate, ALogThatFailsPoisonsTheSegment) {
  SimStore store(76);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  const Strings values = fill(store, segment, 10, "x ");
  store.settle();
  store.disk->fail_nth(io::SimDisk::Operation::kWrite, 1, ".wal");
  EXPECT_FALSE(truncate(store, segment, Offset(4)));
  EXPECT_EQ(segment.status().error().code, ErrorCode::kPoisoned);
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), values) << "the cut was never durable";
}

TEST(Truncate, AFileThatCannotBeCutIsCutByTheNextStart) {
  SimStore store(77);
  ASSERT_TRUE(store.open());
  Strings values = fill(store, store.segment(), 100, "x ");
  store.settle();
  store.disk->fail_nth(io::SimDisk::Operation::kTruncate, 1, ".log");
  ASSERT_TRUE(truncate(store, store.segment(), Offset(3)));
  store.settle();
  EXPECT_EQ(store.segment().status().error().code, ErrorCode::kPoisoned);
  values.resize(3);
  EXPECT_EQ(store.values(store.segment()), values);
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.segment().status());
  EXPECT_EQ(store.values(store.segment()), values);
}

TEST(Truncate, ThenRemovedAndRefilledHoldsOnlyTheNew) {
  SimStore store(78);
  ASSERT_TRUE(store.open());
  (void)fill(store, store.segment(), 30, "old ");
  store.segment().truncate(Offset(0), [](const Status&) {});
  ASSERT_TRUE(store.store->remove(kFirst));
  ASSERT_TRUE(append(store.segment(kFirst, Offset(7)), {"new"}));
  ASSERT_TRUE(store.wait_durable(store.segment(kFirst, Offset(7))));
  store.settle();
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.report.damage.empty());
  EXPECT_EQ(store.values(store.segment(kFirst, Offset(7))), Strings{"new"});
}

TEST(ContentHash, IsTheSameHoweverTheBatchesCame) {
  SimStore store(79);
  ASSERT_TRUE(store.open());
  Segment& first = store.segment();
  Segment& second = store.segment(test::kSecond);
  (void)fill(store, first, 120, "x ");
  for (Offset from(0); from < first.end();) {
    const auto batches = store.read(first, from, first.end(), 3000);
    ASSERT_TRUE(batches);
    for (const SharedBytes& batch : *batches) {
      ASSERT_TRUE(second.append(SharedBytes(std::string(batch.view()))));
      from = parse_batch_header(batch.view())->end_offset();
    }
  }
  EXPECT_EQ(second.hash(), first.hash());
  first.seal();
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.segment().sealed());
  EXPECT_EQ(store.segment().hash(), store.segment(test::kSecond).hash()) << "from a footer, and from an index entry";
  const std::string index = layout::segment_index(kNode, kFirst);
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.disk->remove(index));
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.segment().hash(), store.segment(test::kSecond).hash()) << "and from the batches alone";
}

}  // namespace
}  // namespace walrus::storage
