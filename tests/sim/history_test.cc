// That the history of a simulated cluster notices what it is there to notice.

#include "tests/sim/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/fakes/fake_store.h"

namespace walrus::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using testing_fakes::FakeSegment;

constexpr storage::SegmentKey kKey{TopicId(7), SegmentId(1)};
constexpr Offset kBase(100);

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() : history_([this](std::string what) { broken_.push_back(std::move(what)); }) {
    topic_.id = kKey.topic;
    topic_.name = "orders";
    history_.expect_once("orders");
  }

  static void append(FakeSegment& copy, const std::string& record) {
    storage::BatchBuilder builder;
    builder.add(record, 1);
    ASSERT_TRUE(copy.append(SharedBytes(builder.finish(copy.end()))));
  }
  History::Place learn(FakeSegment& copy) { return history_.learn(copy, {}); }
  void commit(FakeSegment& copy) { history_.commit(topic_, kKey, learn(copy)); }
  void seal(Offset end, std::uint64_t hash) {
    metadata::SegmentInfo segment;
    segment.id = kKey.segment;
    segment.base = kBase;
    segment.end = end;
    segment.hash = hash;
    segment.state = metadata::SegmentState::kSealed;
    segment.replicas = {NodeId(1)};
    history_.seal(topic_, segment);
  }

  std::vector<std::string> broken_;
  History history_;
  metadata::TopicInfo topic_;
  FakeSegment copy_{kKey, kBase};
  FakeSegment other_{kKey, kBase};
};

TEST_F(HistoryTest, SaysNothingOfAClusterThatKeepsItsWord) {
  append(copy_, "a");
  append(other_, "a");
  commit(copy_);
  history_.acknowledged("orders", "a", 100);
  append(copy_, "b");
  append(other_, "b");
  const History::Place end = learn(other_);
  EXPECT_TRUE(history_.contains(kKey, end, learn(copy_)));
  seal(end.end, end.hash);  // b was not acknowledged; that it was sealed commits it
  history_.delivered("orders", "b");
  EXPECT_EQ(history_.committed(topic_), Offset(102));
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(HistoryTest, ARecordIsAcknowledgedOrReadBeforeItIsCommitted) {
  append(copy_, "a");
  append(copy_, "b");
  history_.commit(topic_, kKey, *history_.at(kKey, learn(copy_), Offset(101)));
  history_.acknowledged("orders", "b", {});
  history_.delivered("orders", "b");
  EXPECT_THAT(broken_, ElementsAre(StartsWith("I1: b of orders"), StartsWith("I5: b of orders")));
}

TEST_F(HistoryTest, ARecordStandsElsewhereThanItsWriterIsTold) {
  append(copy_, "a");
  commit(copy_);
  history_.acknowledged("orders", "a", 101);
  EXPECT_THAT(broken_, ElementsAre(StartsWith("I4: a of orders is acknowledged at 101 and stands at 100")));
}

TEST_F(HistoryTest, WhatWasCommittedIsNotInTheSealedSegment) {
  append(copy_, "a");
  append(copy_, "b");
  commit(copy_);
  append(other_, "a");
  const History::Place shorter = learn(other_);
  seal(shorter.end, shorter.hash);
  EXPECT_THAT(broken_, ElementsAre(StartsWith("I1: orders segment 1 was committed up to 102 and is sealed at 101")));
}

TEST_F(HistoryTest, TwoContentsAreCommitted) {
  append(copy_, "a");
  append(other_, "b");
  commit(copy_);
  commit(other_);
  EXPECT_THAT(broken_, ElementsAre(StartsWith("I4: orders segment 1: two contents up to 101")));
}

TEST_F(HistoryTest, ALeaderCommitsBehindTheEnd) {
  append(copy_, "a");
  const History::Place end = learn(copy_);
  seal(end.end, end.hash);
  append(copy_, "b");
  commit(copy_);
  EXPECT_THAT(broken_, ElementsAre(StartsWith("I3: orders segment 1 ends at 101, and its leader commits 102")));
}

TEST_F(HistoryTest, ARecordIsThereTwice) {
  append(copy_, "a");
  append(copy_, "a");
  commit(copy_);
  EXPECT_THAT(broken_, ElementsAre(StartsWith("I10: a is committed in orders at 100 and at 101")));
}

TEST_F(HistoryTest, ASegmentIsSealedWithWhatNobodyWrote) {
  append(copy_, "a");
  commit(copy_);
  seal(Offset(102), 12345);
  EXPECT_THAT(broken_, ElementsAre(StartsWith("I4: orders segment 1 is sealed at 102")));
}

TEST_F(HistoryTest, ACopyThatWasCutIsLearntAnew) {
  append(copy_, "a");
  append(copy_, "b");
  const History::Place before = learn(copy_);
  copy_.truncate(Offset(101), [](const Status&) {});
  append(copy_, "c");
  const History::Place now = history_.learn(copy_, before);
  EXPECT_EQ(now.end, before.end);
  EXPECT_FALSE(history_.contains(kKey, now, before));
  EXPECT_EQ(history_.at(kKey, now, Offset(101)), history_.at(kKey, before, Offset(101)));
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(HistoryTest, DisksThatAreGivenUpTakeTheirRecordsAlong) {
  append(copy_, "a");
  append(copy_, "b");
  commit(copy_);
  history_.expect_losses();
  append(other_, "a");
  const History::Place shorter = learn(other_);
  seal(shorter.end, shorter.hash);
  EXPECT_THAT(broken_, IsEmpty());
  history_.delivered("orders", "a");
  EXPECT_EQ(history_.committed(topic_), Offset(101));
  history_.delivered("orders", "b");
  EXPECT_THAT(broken_, ElementsAre(StartsWith("I5: b of orders")));
}

}  // namespace
}  // namespace walrus::sim
