#include "replication/segment_leader.h"

#include <gtest/gtest.h>

#include "io/sim/sim_loop.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/fake_transport.h"

namespace walrus::replication {
namespace {

using testing_fakes::FakeSegment;

constexpr NodeId kSelf{1};
const SegmentLeader::Replicas kAlone{.epoch = Epoch(3), .nodes = {kSelf}, .self = kSelf};

/// A loop and a way to nowhere: a lone replica needs neither.
struct Alone {
  io::SimWorld world{1};
  io::SimLoop& loop = world.make_loop("leader");
  testing_fakes::FakeNetwork network;
  testing_fakes::FakeTransport transport{network, kSelf, loop};
};

struct Appended {
  std::vector<Result<Offset>> answers;

  Status append(SegmentLeader& leader, int records) {
    storage::BatchBuilder builder;
    for (int i = 0; i < records; ++i) builder.add("record", 1);
    batch = builder.finish(Offset(0));
    done = [this](Result<Offset> first) { answers.push_back(std::move(first)); };
    return leader.append(batch, static_cast<std::uint32_t>(records), done);
  }

  std::string batch;
  SegmentLeader::AppendDone done;
};

class SegmentLeaderTest : public testing::Test {
 protected:
  Alone alone_;
  Appended appended_;  // outlives the leader, which answers what still waits as it goes
  FakeSegment segment_{{TopicId(7), SegmentId(0)}, Offset(100)};
  SegmentLeader leader_{alone_.loop, alone_.transport, segment_, kAlone};
};

TEST_F(SegmentLeaderTest, AnswersNothingBeforeTheBatchIsDurable) {
  ASSERT_TRUE(appended_.append(leader_, 3));
  EXPECT_EQ(leader_.end(), Offset(103));
  EXPECT_EQ(leader_.commit(), Offset(100));
  EXPECT_TRUE(appended_.answers.empty());
  EXPECT_FALSE(leader_.settled());
}

TEST_F(SegmentLeaderTest, AnswersWithTheFirstOffsetInOrder) {
  ASSERT_TRUE(appended_.append(leader_, 3));
  ASSERT_TRUE(appended_.append(leader_, 2));
  segment_.sync();
  ASSERT_EQ(appended_.answers.size(), 2u);
  EXPECT_EQ(appended_.answers[0], Offset(100));
  EXPECT_EQ(appended_.answers[1], Offset(103));
  EXPECT_TRUE(leader_.settled());
}

TEST_F(SegmentLeaderTest, AnswersOnlyWhatCommitCovers) {
  ASSERT_TRUE(appended_.append(leader_, 3));
  ASSERT_TRUE(appended_.append(leader_, 2));
  segment_.sync_to(Offset(103));
  EXPECT_EQ(appended_.answers.size(), 1u);
  EXPECT_EQ(leader_.commit(), Offset(103));
}

TEST_F(SegmentLeaderTest, SaysWhenAnOffsetIsCommitted) {
  ASSERT_TRUE(appended_.append(leader_, 3));
  ASSERT_TRUE(appended_.append(leader_, 2));
  std::vector<int> told;
  leader_.when_committed(Offset(100), [&](const Status& status) { told.push_back(status ? 100 : -1); });
  EXPECT_EQ(told, std::vector<int>{100}) << "at once: it is before this segment";
  leader_.when_committed(Offset(103), [&](const Status& status) { told.push_back(status ? 103 : -1); });
  leader_.when_committed(Offset(105), [&](const Status& status) { told.push_back(status ? 105 : -1); });
  EXPECT_EQ(told.size(), 1u);
  segment_.sync();
  EXPECT_EQ(told, (std::vector<int>{100, 103, 105}));
  EXPECT_EQ(appended_.answers.size(), 2u);
}

TEST_F(SegmentLeaderTest, CannotSayWhetherAnOffsetIsCommittedOnceItsDiskHasFailed) {
  ASSERT_TRUE(appended_.append(leader_, 3));
  Status told;
  leader_.when_committed(Offset(103), [&](const Status& status) { told = status; });
  segment_.poison();
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kOutcomeUnknown);
  leader_.when_committed(Offset(103), [&](const Status& status) { told = status; });
  EXPECT_EQ(told.error().code, ErrorCode::kNotLeader);
}

TEST_F(SegmentLeaderTest, ReadersSeeOnlyWhatIsCommitted) {
  ASSERT_TRUE(appended_.append(leader_, 3));
  std::size_t seen = 99;
  leader_.read(Offset(100), 1000, [&](Result<storage::Batches> batches) { seen = batches->size(); });
  EXPECT_EQ(seen, 0u);
  segment_.sync();
  leader_.read(Offset(100), 1000, [&](Result<storage::Batches> batches) { seen = batches->size(); });
  EXPECT_EQ(seen, 1u);
}

TEST_F(SegmentLeaderTest, CallsTheOutcomeUnknownWhenTheDiskFails) {
  ASSERT_TRUE(appended_.append(leader_, 1));
  segment_.poison();
  ASSERT_EQ(appended_.answers.size(), 1u);
  EXPECT_EQ(appended_.answers[0].error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(appended_.append(leader_, 1).error().code, ErrorCode::kNotLeader);
}

TEST_F(SegmentLeaderTest, LeavesTheBatchAsItWasWhenNothingWasAppended) {
  segment_.refuse_appends(fail(ErrorCode::kDiskFull));
  const Status refused = appended_.append(leader_, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE(storage::check_batch(appended_.batch));
  EXPECT_TRUE(appended_.done);
  EXPECT_EQ(leader_.end(), Offset(100));
}

TEST_F(SegmentLeaderTest, CompletesWhatWaitsAfterItIsClosed) {
  ASSERT_TRUE(appended_.append(leader_, 1));
  leader_.close();
  EXPECT_EQ(appended_.append(leader_, 1).error().code, ErrorCode::kNotLeader);
  segment_.sync();
  EXPECT_EQ(appended_.answers.size(), 1u);
}

TEST(SegmentLeader, AnswersWhatStillWaitsWhenItGoes) {
  Alone alone;
  FakeSegment segment({TopicId(7), SegmentId(0)}, Offset(0));
  Appended appended;
  {
    SegmentLeader leader(alone.loop, alone.transport, segment, kAlone);
    ASSERT_TRUE(appended.append(leader, 1));
  }
  ASSERT_EQ(appended.answers.size(), 1u);
  EXPECT_EQ(appended.answers[0].error().code, ErrorCode::kOutcomeUnknown);
}

TEST(SegmentLeader, AlsoCommitsWhatARestartFoundDurable) {
  FakeSegment segment({TopicId(7), SegmentId(0)}, Offset(0));
  storage::BatchBuilder builder;
  builder.add("before the restart", 1);
  ASSERT_TRUE(segment.append(SharedBytes(builder.finish(Offset(0)))));
  segment.sync();
  Alone alone;
  const SegmentLeader leader(alone.loop, alone.transport, segment, kAlone);
  EXPECT_EQ(leader.commit(), Offset(1));
}

}  // namespace
}  // namespace walrus::replication
