#include "client/batch_queue.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace walrus::client {
namespace {

using namespace std::chrono_literals;
using Clock = WriteBatch::Clock;

class BatchQueueTest : public ::testing::Test {
 protected:
  /// Records of ten bytes, `each` to a batch.
  void fill(BatchQueue& queue, int batches, int each) {
    for (int i = 0; i < batches * each; ++i) queue.add("0123456789", {});
  }

  std::vector<WriteBatchPtr> take(BatchQueue& queue) {
    std::vector<WriteBatchPtr> taken;
    while (auto batch = queue.next(Clock::now())) taken.push_back(std::move(batch));
    return taken;
  }
};

TEST_F(BatchQueueTest, RecordsGatherUpToTheSizeOfABatch) {
  BatchQueue queue(30, 0us);
  fill(queue, 2, 3);
  const auto batches = take(queue);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0]->count(), 3);
  EXPECT_EQ(batches[0]->sequence, 0);
  EXPECT_EQ(batches[1]->sequence, 3);
}

TEST_F(BatchQueueTest, ARecordLargerThanABatchGoesAlone) {
  BatchQueue queue(15, 0us);
  queue.add(std::string(100, 'x'), {});
  queue.add("small", {});
  const auto batches = take(queue);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0]->records.size(), 100U);
  EXPECT_EQ(batches[1]->records.size(), 5U);
}

TEST_F(BatchQueueTest, NoBatchHasMoreRecordsThanAServerTakes) {
  BatchQueue queue(limits::kMaxPeerMessageBytes, 0us);
  for (std::uint32_t i = 0; i <= limits::kMaxWriteRecords; ++i) queue.add("x", {});
  const auto batches = take(queue);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0]->done.size(), limits::kMaxWriteRecords);
  EXPECT_EQ(batches[1]->count(), 1);
}

TEST_F(BatchQueueTest, AnOpenBatchWaitsForItsLingerAndAFullOneDoesNot) {
  BatchQueue queue(20, 1h);
  queue.add("0123456789", {});
  EXPECT_EQ(queue.next(Clock::now()), nullptr);
  ASSERT_TRUE(queue.due());
  EXPECT_NE(queue.next(*queue.due()), nullptr);
  fill(queue, 1, 2);
  EXPECT_NE(queue.next(Clock::now()), nullptr);
}

TEST_F(BatchQueueTest, NoMoreAreUnderWayThanAServerRemembers) {
  BatchQueue queue(10, 0us);
  fill(queue, 8, 1);
  const auto first = take(queue);
  ASSERT_EQ(first.size(), BatchQueue::kMaxBatchesInFlight);
  EXPECT_FALSE(queue.due());
  queue.stored(*first[0]);
  EXPECT_EQ(take(queue).size(), 1U);
}

TEST_F(BatchQueueTest, AfterAFailureAllThatAreLeftGoAgainInOrderWithTheirNumbers) {
  BatchQueue queue(10, 0us);
  fill(queue, 6, 1);
  const auto first = take(queue);
  queue.stored(*first[0]);
  queue.failed(*first[1], true);
  queue.failed(*first[2], false);
  EXPECT_FALSE(queue.to_be_repeated()) << "two are still under way";
  EXPECT_TRUE(take(queue).empty());
  queue.stored(*first[3]);
  queue.failed(*first[4], true);
  ASSERT_TRUE(queue.to_be_repeated());
  queue.repeat();
  const auto again = take(queue);
  ASSERT_EQ(again.size(), 4U);
  EXPECT_EQ(again[0], first[1]);
  EXPECT_EQ(again[0]->sequence, 1);
  EXPECT_TRUE(again[0]->maybe_stored);
  EXPECT_EQ(again[1], first[2]);
  EXPECT_FALSE(again[1]->maybe_stored);
  EXPECT_EQ(again[2], first[4]);
  EXPECT_EQ(again[3]->sequence, 5) << "the sixth follows, with the next number";
}

TEST_F(BatchQueueTest, LaterBatchesTakeTheNumbersOfARefusedOne) {
  BatchQueue queue(30, 0us);
  fill(queue, 3, 3);
  const auto first = take(queue);
  queue.refused(*first[1]);
  EXPECT_EQ(first[0]->sequence, 0);
  EXPECT_EQ(first[2]->sequence, 3);
  queue.failed(*first[2], false);
  queue.stored(*first[0]);
  queue.repeat();
  EXPECT_EQ(take(queue).at(0), first[2]);
  fill(queue, 1, 3);
  EXPECT_EQ(take(queue).at(0)->sequence, 6);
}

TEST_F(BatchQueueTest, FailuresAreCountedOncePerRoundAndForgottenAfterASuccess) {
  BatchQueue queue(10, 0us);
  fill(queue, 2, 1);
  for (unsigned round = 1; round <= 3; ++round) {
    for (const auto& batch : take(queue)) queue.failed(*batch, false);
    EXPECT_EQ(queue.failures(), round);
    queue.repeat();
  }
  queue.stored(*take(queue).at(0));
  EXPECT_EQ(queue.failures(), 0U);
}

TEST_F(BatchQueueTest, WhatSurelyWasNotStoredGoesOnUnderNewNumbers) {
  BatchQueue queue(10, 0us);
  fill(queue, 7, 1);
  const auto first = take(queue);
  for (std::size_t i = 0; i < first.size(); ++i) queue.failed(*first[i], i % 2 == 0);
  const auto given_up = queue.begin_anew(Clock::time_point::min());
  ASSERT_EQ(given_up.size(), 3U);
  EXPECT_EQ(given_up[0], first[0]);
  const auto next = take(queue);
  ASSERT_EQ(next.size(), 4U);
  EXPECT_EQ(next[0], first[1]);
  EXPECT_EQ(next[0]->sequence, 0);
  EXPECT_EQ(next[3]->sequence, 3);
}

TEST_F(BatchQueueTest, WhatIsTooOldIsGivenUp) {
  BatchQueue queue(10, 0us);
  fill(queue, 7, 1);
  for (const auto& batch : take(queue)) queue.failed(*batch, false);
  EXPECT_EQ(queue.begin_anew(Clock::time_point::max()).size(), 7U);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace walrus::client
