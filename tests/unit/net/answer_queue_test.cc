#include "net/answer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/net/raw_client.h"

namespace walrus::net {
namespace {

using Kind = broker::Answer::Kind;

std::string text_of(OutputQueue& output) {
  std::string text;
  for (const std::string_view piece : output.pieces()) text += piece;
  return text;
}

TEST(AnswerFrame, IsOneOfFourForms) {
  OutputQueue output;
  append_answer(output, {Kind::kOk, {}});
  append_answer(output, {Kind::kOkPayload, " a "});
  append_answer(output, {Kind::kEmpty, {}});
  append_answer(output, {Kind::kError, "topic not found"});
  EXPECT_EQ(text_of(output), frame("OK") + frame("OK  a ") + frame("EMPTY") + frame("ERR topic not found"));
}

TEST(AnswerQueue, WritesAnAnswerAsSoonAsAllBeforeItAreWritten) {
  AnswerQueue queue;
  OutputQueue output;
  for (int i = 0; i < 3; ++i) queue.open(10);
  queue.answer(2, {Kind::kOkPayload, "c"}, output);
  queue.answer(1, {Kind::kOkPayload, "b"}, output);
  EXPECT_EQ(text_of(output), "");
  queue.answer(0, {Kind::kOkPayload, "a"}, output);
  EXPECT_EQ(text_of(output), frame("OK a") + frame("OK b") + frame("OK c"));
  EXPECT_TRUE(queue.empty());
}

TEST(AnswerQueue, SendsALongBodyFromWhereItLiesAndCopiesAShortOne) {
  AnswerQueue queue;
  OutputQueue output;
  queue.open(10);
  queue.open(10);
  const std::vector<SharedBytes> body = {SharedBytes(std::string(10'000, 'l')), SharedBytes(std::string("short"))};
  queue.answer(1, {Kind::kOkPayload, "head\n", body}, output);
  EXPECT_EQ(queue.held_bytes(), 10 + 5 + 10'005u);
  queue.answer(0, {Kind::kOk, {}}, output);
  EXPECT_EQ(text_of(output), frame("OK") + frame("OK head\n" + std::string(10'000, 'l') + "short"));
  ASSERT_EQ(output.pieces().size(), 3u);
  EXPECT_EQ(output.pieces()[1].data(), body[0].data());
  EXPECT_EQ(queue.held_bytes(), 0u);
}

TEST(AnswerQueue, HoldsTheChargesOfTheUnansweredAndTheBytesOfAnswersKept) {
  AnswerQueue queue;
  OutputQueue output;
  queue.open(100);
  queue.open(1000);
  EXPECT_EQ(queue.held_bytes(), 1100u);
  queue.answer(1, {Kind::kOkPayload, "four"}, output);
  EXPECT_EQ(queue.held_bytes(), 104u);
  queue.answer(0, {Kind::kOk, {}}, output);
  EXPECT_EQ(queue.held_bytes(), 0u);
}

TEST(AnswerQueue, GivesTheOrderOfRequestsForAnyOrderOfAnswers) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  AnswerQueue queue;
  OutputQueue output;
  std::string expected;
  std::vector<std::uint64_t> open;
  for (int i = 0; i < 5000; ++i) {
    if (random() % 2 == 0) {
      open.push_back(queue.open(random() % 100));
      expected += frame("OK " + std::to_string(open.back()));
    } else if (!open.empty()) {
      std::swap(open[random() % open.size()], open.back());
      queue.answer(open.back(), {Kind::kOkPayload, std::to_string(open.back())}, output);
      open.pop_back();
    }
    if (random() % 100 == 0) queue.release();
  }
  std::shuffle(open.begin(), open.end(), random);
  for (const auto slot : open) queue.answer(slot, {Kind::kOkPayload, std::to_string(slot)}, output);
  EXPECT_EQ(text_of(output), expected);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.held_bytes(), 0u);
}

TEST(AnswerQueueDeathTest, AssertsThatASlotIsAnsweredOnce) {
  AnswerQueue queue;
  OutputQueue output;
  queue.open(0);
  queue.open(0);
  queue.answer(1, {Kind::kOk, {}}, output);
  EXPECT_DEATH(queue.answer(1, {Kind::kOk, {}}, output), "answered twice");
}

}  // namespace
}  // namespace walrus::net
