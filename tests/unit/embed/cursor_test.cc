#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/embed/open_store.h"

namespace walrus::test {
namespace {

class CursorTest : public testing::Test {
 protected:
  void fill(store::Topic& topic, int records) {
    for (int i = 0; i < records; ++i) ASSERT_TRUE(topic.append(std::to_string(i)));
  }
  TempDir directory_;
  store::Options options_ = small_options(directory_);
  store::Store store_ = open_store(options_);
  store::Topic topic_ = topic_of(store_, "t");
};

TEST_F(CursorTest, NextHandsOutEachRecordOnceAndPeekDoesNotMove) {
  fill(topic_, 3);
  store::Cursor cursor = topic_.cursor("c").value();
  EXPECT_EQ(cursor.peek().value()->value(), "0");
  EXPECT_EQ(cursor.peek().value()->value(), "0");
  EXPECT_EQ(cursor.next().value()->value(), "0");
  EXPECT_EQ(cursor.next().value()->value(), "1");
  EXPECT_EQ(cursor.next().value()->value(), "2");
  EXPECT_EQ(cursor.next().value(), std::nullopt);
  ASSERT_TRUE(topic_.append("late"));
  EXPECT_EQ(cursor.next().value()->value(), "late");
}

TEST_F(CursorTest, CursorsOfOneNameShareAPositionOthersDoNot) {
  fill(topic_, 3);
  store::Cursor one = topic_.cursor("c").value();
  store::Cursor same = topic_.cursor("c").value();
  store::Cursor other = topic_.cursor("d").value();
  EXPECT_EQ(one.next().value()->value(), "0");
  EXPECT_EQ(same.next().value()->value(), "1");
  EXPECT_EQ(other.next().value()->value(), "0");
  EXPECT_EQ(one.position(), 2u);
}

TEST_F(CursorTest, ABatchMovesBehindItsLastRecord) {
  fill(topic_, 10);
  store::Cursor cursor = topic_.cursor("c").value();
  EXPECT_EQ(cursor.next().value()->offset(), 0u);
  std::uint64_t expected = 1;
  while (true) {
    const auto batch = cursor.next_batch(150).value();
    if (batch.empty()) break;
    EXPECT_EQ(batch.first_offset(), expected);
    expected = batch.end_offset();
  }
  EXPECT_EQ(expected, 10u);
  EXPECT_EQ(cursor.position(), 10u);
}

TEST_F(CursorTest, TrimmedRecordsAreSkipped) {
  fill(topic_, 10);
  store::Cursor cursor = topic_.cursor("c").value();
  EXPECT_EQ(cursor.next().value()->offset(), 0u);
  ASSERT_TRUE(topic_.trim(7));
  // What it has read ahead may still come; what it reads anew may not.
  ASSERT_TRUE(cursor.seek(7));
  EXPECT_EQ(cursor.next().value()->offset(), 7u);
  store::Cursor fresh = topic_.cursor("d").value();
  EXPECT_EQ(fresh.next().value()->offset(), 7u);
  EXPECT_EQ(cursor.seek(3).error().code, store::ErrorCode::kOutOfRange);
  EXPECT_EQ(cursor.seek(11).error().code, store::ErrorCode::kOutOfRange);
}

TEST_F(CursorTest, ARemovedCursorBeginsAgain) {
  fill(topic_, 2);
  EXPECT_EQ(topic_.cursor("c").value().next().value()->offset(), 0u);
  ASSERT_TRUE(topic_.remove_cursor("c"));
  EXPECT_EQ(topic_.remove_cursor("c").error().code, store::ErrorCode::kNotFound);
  EXPECT_EQ(topic_.cursor("c").value().next().value()->offset(), 0u);
}

TEST_F(CursorTest, WhoHoldsARemovedCursorDoesNotBringItBack) {
  fill(topic_, 5);
  store::Cursor held = topic_.cursor("c").value();
  EXPECT_EQ(held.next().value()->offset(), 0u);  // and has read ahead
  ASSERT_TRUE(topic_.remove_cursor("c"));
  EXPECT_EQ(held.next().error().code, store::ErrorCode::kNotFound);
  EXPECT_EQ(held.peek().error().code, store::ErrorCode::kNotFound);
  EXPECT_EQ(held.next_batch(100).error().code, store::ErrorCode::kNotFound);
  EXPECT_EQ(held.seek(3).error().code, store::ErrorCode::kNotFound);
  ASSERT_TRUE(store_.close());
  store_ = open_store(options_);
  EXPECT_EQ(topic_of(store_, "t").cursor("c").value().position(), 0u);
}

TEST_F(CursorTest, OptionsThatCannotBeAreRefused) {
  EXPECT_EQ(topic_.cursor("c", {.persist_every = 0}).error().code, store::ErrorCode::kInvalidArgument);
  EXPECT_EQ(topic_.cursor("").error().code, store::ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace walrus::test
