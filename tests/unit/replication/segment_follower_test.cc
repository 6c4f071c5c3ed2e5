#include "replication/segment_follower.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_store.h"

namespace walrus::replication {
namespace {

using testing_fakes::FakeSegment;
using Verdict = ReplicateAnswer::Verdict;

class SegmentFollowerTest : public testing::Test {
 protected:
  /// Sends one batch of `records` records that begins at `first`.
  std::shared_ptr<Result<ReplicateAnswer>> send(Epoch epoch, Offset first, int records) {
    storage::BatchBuilder builder;
    for (int i = 0; i < records; ++i) builder.add("x", 1);
    auto answer = std::make_shared<Result<ReplicateAnswer>>(fail(ErrorCode::kTimedOut, "no answer yet"));
    const SharedBytes batch(builder.finish(first));
    follower_.replicate(epoch, first, hash_, {batch}, [answer](Result<ReplicateAnswer> got) { *answer = got; });
    if (segment_.end() == first + static_cast<std::uint64_t>(records)) hash_ = segment_.hash();
    return answer;
  }
  std::shared_ptr<Result<FenceAnswer>> fence(Epoch epoch) {
    auto answer = std::make_shared<Result<FenceAnswer>>(fail(ErrorCode::kTimedOut, "no answer yet"));
    follower_.fence(epoch, [answer](Result<FenceAnswer> got) { *answer = got; });
    return answer;
  }

  FakeSegment segment_{{TopicId(7), SegmentId(2)}, Offset(100)};
  SegmentFollower follower_{segment_};
  std::uint64_t hash_ = 0;
};

TEST_F(SegmentFollowerTest, AcknowledgesNothingBeforeItIsDurable) {
  const auto answer = send(Epoch(5), Offset(100), 3);
  EXPECT_FALSE(*answer);
  segment_.sync();
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->verdict, Verdict::kAck);
  EXPECT_EQ((*answer)->durable_end, Offset(103));
}

TEST_F(SegmentFollowerTest, SaysFromWhereToSendAfterAGap) {
  const auto answer = send(Epoch(5), Offset(107), 1);
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->verdict, Verdict::kGap);
  EXPECT_EQ((*answer)->end, Offset(100));
}

TEST_F(SegmentFollowerTest, RefusesContentThatIsNotTheLeaders) {
  (void)send(Epoch(5), Offset(100), 1);
  segment_.sync();
  hash_ ^= 1;
  const auto answer = send(Epoch(5), Offset(101), 1);
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kCorrupt);
}

TEST_F(SegmentFollowerTest, AFenceIsAnsweredOnlyWithADurablePromiseAndNothingPending) {
  const auto pending = send(Epoch(5), Offset(100), 2);
  const auto fenced = fence(Epoch(9));
  EXPECT_FALSE(*fenced);
  segment_.sync();
  ASSERT_TRUE(*fenced);
  EXPECT_EQ((*fenced)->durable_end, Offset(102));
  EXPECT_FALSE((*fenced)->suspect);
  // The batch is durable and counts, but the old leader must not acknowledge on the strength of it.
  ASSERT_TRUE(*pending);
  EXPECT_EQ((*pending)->verdict, Verdict::kFenced);
}

TEST_F(SegmentFollowerTest, TakesNothingOfAnOldEpochFromTheFenceOn) {
  (void)fence(Epoch(9));
  const auto answer = send(Epoch(5), Offset(100), 1);
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->verdict, Verdict::kFenced);
  EXPECT_EQ((*answer)->promise, Epoch(9));
  EXPECT_EQ(segment_.end(), Offset(100));
}

TEST_F(SegmentFollowerTest, TakesWhatTheRecovererCopies) {
  (void)fence(Epoch(9));
  segment_.sync();
  const auto answer = send(Epoch(9), Offset(100), 4);
  segment_.sync();
  ASSERT_TRUE(*answer);
  EXPECT_EQ((*answer)->verdict, Verdict::kAck);
}

TEST_F(SegmentFollowerTest, OfTwoFencesTheHigherOneHolds) {
  const auto low = fence(Epoch(9));
  const auto high = fence(Epoch(12));
  segment_.sync();
  ASSERT_TRUE(*high);
  ASSERT_FALSE(*low);
  EXPECT_EQ(low->error().code, ErrorCode::kFenced);
  EXPECT_EQ(fence(Epoch(10))->error().code, ErrorCode::kFenced);
}

TEST(SegmentFollower, WhoWaitsForAFenceHearsOfItsEnd) {
  FakeSegment segment({TopicId(7), SegmentId(2)}, Offset(100));
  auto follower = std::make_unique<SegmentFollower>(segment);
  Status answer = fail(ErrorCode::kTimedOut, "no answer yet");
  follower->fence(Epoch(9), [&](const Result<FenceAnswer>& got) { answer = got ? Status() : fail(got.error()); });
  segment.sync();  // the promise
  EXPECT_TRUE(answer);
  storage::BatchBuilder builder;
  builder.add("x", 1);
  ASSERT_TRUE(segment.append(SharedBytes(builder.finish(Offset(100)))));
  follower->fence(Epoch(10), [&](const Result<FenceAnswer>& got) { answer = got ? Status() : fail(got.error()); });
  follower.reset();
  segment.sync();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kOutcomeUnknown);
}

TEST_F(SegmentFollowerTest, AFailedDiskFailsTheFenceAndWhatWaits) {
  const auto pending = send(Epoch(5), Offset(100), 1);
  const auto fenced = fence(Epoch(9));
  segment_.poison();
  EXPECT_FALSE(*pending);
  EXPECT_EQ(pending->error().code, ErrorCode::kPoisoned);
  EXPECT_FALSE(*fenced);
  EXPECT_EQ(fenced->error().code, ErrorCode::kPoisoned);
}

}  // namespace
}  // namespace walrus::replication
