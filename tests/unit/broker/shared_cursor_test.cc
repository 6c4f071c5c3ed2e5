#include "broker/shared_cursor.h"

#include <gtest/gtest.h>

#include <optional>

namespace walrus::broker {
namespace {

/// A log in memory; reads wait until release() when the test asks for that.
class SharedCursorTest : public testing::Test {
 protected:
  void append(std::initializer_list<const char*> payloads) {
    storage::BatchBuilder builder;
    for (const char* payload : payloads) builder.add(payload, 1);
    batches_.emplace_back(builder.finish(end_));
    end_ += payloads.size();
  }
  void make(Offset position) {
    cursor_ = std::make_shared<SharedCursor>(position,
                                             SharedCursor::Source{.readable_end = [this] { return end_; },
                                                                  .read =
                                                                      [this](Offset from, storage::BatchesDone done) {
                                                                        ++reads_;
                                                                        from_ = from;
                                                                        pending_ = std::move(done);
                                                                        if (!slow_) release();
                                                                      },
                                                                  .moved = [this] { ++moves_; }});
  }
  void release() {
    storage::Batches found;
    for (const SharedBytes& batch : batches_) {
      if (storage::parse_batch_header(batch.view())->end_offset() > from_) found.push_back(batch);
    }
    auto done = std::move(*pending_);
    pending_.reset();
    done(failing_ ? Result<storage::Batches>(fail(*failing_)) : Result<storage::Batches>(std::move(found)));
  }
  std::string take(std::uint32_t records, std::size_t bytes = 1 << 20) {
    std::string text = "waiting";
    cursor_->take(records, bytes, [&](Result<Taken> taken) { text = describe(taken); });
    return text;
  }
  static std::string describe(const Result<Taken>& taken) {
    if (!taken) return "ERR " + std::string(error_text(taken.error().code));
    std::string text;
    for (const std::string_view payload : taken->payloads) text.append(payload).append(" ");
    return text + (taken->at_end ? "end" : "more");
  }

  Offset end_;
  std::vector<SharedBytes> batches_;
  std::shared_ptr<SharedCursor> cursor_;
  std::optional<storage::BatchesDone> pending_;
  std::optional<Error> failing_;
  Offset from_;
  bool slow_ = false;
  int reads_ = 0;
  int moves_ = 0;
};

TEST_F(SharedCursorTest, AnEmptyTopicIsAtItsEndWithoutAnyRead) {
  make(Offset(0));
  EXPECT_EQ(take(1), "end");
  EXPECT_EQ(reads_, 0);
  EXPECT_EQ(moves_, 0);
}

TEST_F(SharedCursorTest, HandsOutRecordsOnceAndInOrder) {
  append({"a", "b"});
  append({"c"});
  make(Offset(0));
  EXPECT_EQ(take(2), "a b more");
  EXPECT_EQ(take(5), "c end");
  EXPECT_EQ(take(1), "end");
  EXPECT_EQ(cursor_->position(), Offset(3));
  EXPECT_EQ(reads_, 1) << "what was read ahead is used";
}

TEST_F(SharedCursorTest, BeginsInTheMiddleOfABatch) {
  append({"a", "b", "c"});
  make(Offset(1));
  EXPECT_EQ(take(1), "b more");
}

TEST_F(SharedCursorTest, SeesWhatIsAppendedAfterItReachedTheEnd) {
  append({"a"});
  make(Offset(0));
  EXPECT_EQ(take(1), "a end");
  append({"b"});
  EXPECT_EQ(take(1), "b end");
}

TEST_F(SharedCursorTest, KeepsToTheByteLimitButMakesProgress) {
  append({"aaaa", "bbbb", "cccc"});
  make(Offset(0));
  EXPECT_EQ(take(10, 5), "aaaa bbbb more");
  EXPECT_EQ(take(10, 1), "cccc end");
}

TEST_F(SharedCursorTest, ServesRequestsOneBehindTheOther) {
  append({"a", "b", "c"});
  slow_ = true;
  make(Offset(0));
  std::vector<std::string> answers;
  for (int i = 0; i < 3; ++i) {
    cursor_->take(1, 100, [&](Result<Taken> taken) { answers.push_back(describe(taken)); });
  }
  EXPECT_TRUE(answers.empty());
  release();
  EXPECT_EQ(answers, (std::vector<std::string>{"a more", "b more", "c end"}));
}

TEST_F(SharedCursorTest, AFailedReadFailsOneRequestAndSkipsNothing) {
  append({"a"});
  make(Offset(0));
  failing_ = Error{ErrorCode::kUnavailable, "the holder is away"};
  EXPECT_EQ(take(1), "ERR unavailable: not carried out, try again");
  EXPECT_EQ(cursor_->position(), Offset(0));
  failing_.reset();
  EXPECT_EQ(take(1), "a end");
}

TEST_F(SharedCursorTest, ADamagedBatchIsAnErrorAndNothingBeforeItIsLost) {
  append({"a"});
  append({"b"});
  std::string damaged(batches_[1].view());
  damaged[storage::kBatchHeaderBytes] = '\x7f';  // the record's length
  batches_[1] = SharedBytes(damaged);
  make(Offset(0));
  EXPECT_EQ(take(5), "a more");
  EXPECT_EQ(take(5), "ERR corrupt data");
  EXPECT_EQ(cursor_->position(), Offset(1));
}

TEST_F(SharedCursorTest, AReadThatIsOvertakenByACommitGoesOnBehindIt) {
  append({"a", "b"});
  append({"c"});
  append({"d"});
  make(Offset(0));
  slow_ = true;
  std::optional<Result<CursorRead>> read;
  cursor_->read(10, 1 << 20, false, [&](Result<CursorRead> result) { read = std::move(result); });
  cursor_->skip_to(Offset(3));
  for (int i = 0; i < 3 && pending_; ++i) release();
  ASSERT_TRUE(read && *read) << (read ? read->error().message() : "no answer");
  EXPECT_EQ((*read)->first, Offset(3));
  EXPECT_EQ((*read)->next, Offset(4));
}

TEST_F(SharedCursorTest, AFrozenCursorDoesNotMove) {
  append({"a", "b"});
  slow_ = true;
  make(Offset(0));
  std::string answer = "waiting";
  cursor_->take(1, 100, [&](Result<Taken> taken) { answer = describe(taken); });
  cursor_->freeze();
  EXPECT_EQ(answer, "ERR NotLeaderError");
  release();
  EXPECT_EQ(cursor_->position(), Offset(0));
  EXPECT_EQ(take(1), "ERR NotLeaderError");
}

}  // namespace
}  // namespace walrus::broker
