#include "broker/producer_table.h"

#include <gtest/gtest.h>

#include <random>

namespace walrus::broker {
namespace {

ProducerStamp stamp(std::uint64_t id, std::uint16_t epoch, std::uint32_t sequence) {
  return {.id = ProducerId(id), .epoch = epoch, .sequence = sequence};
}

/// Batches of one producer epoch, one behind the other, at offsets from 100 on.
class Producers : public testing::Test {
 protected:
  void write(const ProducerStamp& stamp, std::uint32_t records) {
    const auto found = table_.check(stamp, records, registered_);
    ASSERT_TRUE(found) << found.error().message();
    ASSERT_FALSE(*found) << "is taken for a repetition";
    table_.note(stamp, records, next_, registered_);
    next_ += records;
  }
  ErrorCode refusal(const ProducerStamp& stamp, std::uint32_t records) {
    const auto found = table_.check(stamp, records, registered_);
    return found ? ErrorCode{} : found.error().code;
  }

  ProducerTable table_;
  Offset next_{100};
  std::uint64_t registered_ = 50;
};

TEST_F(Producers, ARepeatedBatchIsToldWhereItStands) {
  write(stamp(7, 0, 0), 3);
  write(stamp(7, 0, 3), 1);
  EXPECT_EQ(*table_.check(stamp(7, 0, 0), 3, registered_), Offset(100));
  EXPECT_EQ(*table_.check(stamp(7, 0, 3), 1, registered_), Offset(103));
  EXPECT_EQ(*table_.check(stamp(7, 0, 4), 1, registered_), std::nullopt) << "the next one is to be written";
}

TEST_F(Producers, AGapIsRefusedAndSaysWhatIsNext) {
  write(stamp(7, 0, 0), 3);
  const auto found = table_.check(stamp(7, 0, 4), 1, registered_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message(), "out of sequence: 3 is the next");
}

TEST_F(Producers, OnlyTheLastBatchesAreKnownByTheirOffset) {
  for (std::uint32_t i = 0; i < 20; ++i) write(stamp(7, 0, i), 1);
  for (std::uint32_t i = 0; i < 20; ++i) {
    if (i < 20 - limits::kProducerBatches) {
      EXPECT_EQ(refusal(stamp(7, 0, i), 1), ErrorCode::kDuplicate) << i;
    } else {
      EXPECT_EQ(*table_.check(stamp(7, 0, i), 1, registered_), Offset(100 + i)) << i;
    }
  }
}

TEST_F(Producers, ABatchCutInAnotherWayIsNotWrittenAgain) {
  write(stamp(7, 0, 0), 4);
  write(stamp(7, 0, 4), 4);
  EXPECT_EQ(refusal(stamp(7, 0, 0), 2), ErrorCode::kDuplicate);
  EXPECT_EQ(refusal(stamp(7, 0, 2), 4), ErrorCode::kDuplicate);
  EXPECT_EQ(refusal(stamp(7, 0, 4), 5), ErrorCode::kOutOfSequence) << "part of it is new";
}

TEST_F(Producers, ANewEpochBeginsAtZeroAndEndsTheOldOne) {
  write(stamp(7, 0, 0), 1);
  EXPECT_EQ(refusal(stamp(7, 1, 1), 1), ErrorCode::kOutOfSequence);
  write(stamp(7, 1, 0), 1);
  EXPECT_EQ(refusal(stamp(7, 0, 1), 1), ErrorCode::kProducerFenced);
  EXPECT_EQ(*table_.check(stamp(7, 1, 0), 1, registered_), Offset(101)) << "of the new epoch, not of the old one";
}

TEST_F(Producers, SequencesGoRoundInACircle) {
  write(stamp(7, 0, 0), 0x7fff'ffff);
  write(stamp(7, 0, 0x7fff'ffff), 2);
  write(stamp(7, 0, 1), 1);
  EXPECT_EQ(*table_.check(stamp(7, 0, 0x7fff'ffff), 2, registered_), Offset(100) + 0x7fff'ffff);
  EXPECT_EQ(refusal(stamp(7, 0, 0x7fff'fffe), 1), ErrorCode::kDuplicate);
}

TEST_F(Producers, AnUnknownOneBeginsAtZero) {
  EXPECT_EQ(refusal(stamp(7, 0, 1), 1), ErrorCode::kUnknownProducer);
  EXPECT_EQ(refusal(stamp(7, 0, 0), 1), ErrorCode{});
}

TEST_F(Producers, AnUnknownOneFromBeforeTheHorizonHasToAskForANewEpoch) {
  table_ = ProducerTable(60);
  EXPECT_EQ(refusal(stamp(7, 0, 0), 1), ErrorCode::kUnknownProducer) << "it may have written that before";
  registered_ = 60;
  EXPECT_EQ(refusal(stamp(7, 1, 0), 1), ErrorCode{});
}

TEST_F(Producers, OfTooManyTheOneThatWroteLongestAgoIsForgotten) {
  for (std::uint64_t id = 1; id <= limits::kMaxTopicProducers; ++id) write(stamp(id, 0, 0), 1), ++registered_;
  write(stamp(1, 0, 1), 1);
  write(stamp(9999, 0, 0), 1);
  EXPECT_EQ(table_.size(), limits::kMaxTopicProducers);
  EXPECT_EQ(*table_.check(stamp(1, 0, 1), 1, 50), Offset(100 + limits::kMaxTopicProducers));
  EXPECT_FALSE(table_.check(stamp(2, 0, 0), 1, 51)) << "would be written twice";
  EXPECT_TRUE(table_.check(stamp(10000, 0, 0), 1, registered_));
}

/// I10, against a model that forgets nothing: whatever producers try, what is written is each sequence once, in order.
TEST_F(Producers, NoSequenceIsEverWrittenTwice) {
  const auto seed = static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed()) + 20261122u;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  struct Truth {
    std::uint16_t epoch = 0;
    std::uint32_t next = 0;
    std::uint64_t registered = 1;
  };
  std::vector<Truth> truth(3 * limits::kMaxTopicProducers);
  std::uint64_t now = 10;
  std::size_t written = 0;
  std::size_t refused = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::size_t id = random() % truth.size();
    Truth& producer = truth[id];
    if (random() % 10 == 0) producer = {.epoch = static_cast<std::uint16_t>(producer.epoch + 1), .registered = ++now};
    const std::uint32_t sequence = random() % 2 == 0 ? producer.next : random() % (producer.next + 2);
    const std::uint32_t records = 1 + random() % 3;
    const ProducerStamp tried = stamp(id, producer.epoch, sequence);
    const auto found = table_.check(tried, records, producer.registered);
    if (!found) {
      ++refused;
      continue;
    }
    if (*found) continue;
    ASSERT_EQ(sequence, producer.next) << "producer " << id;
    table_.note(tried, records, next_, producer.registered);
    next_ += records;
    producer.next += records;
    ++written;
  }
  EXPECT_GT(written, 10'000u);
  EXPECT_GT(refused, 10'000u);
}

}  // namespace
}  // namespace walrus::broker
