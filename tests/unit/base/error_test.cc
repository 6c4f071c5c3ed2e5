#include <gtest/gtest.h>

#include <set>

#include "base/result.h"

namespace walrus {
namespace {

#define WALRUS_CODE(name, number, text) ErrorCode::name,
constexpr ErrorCode kAllCodes[] = {WALRUS_ERRORS(WALRUS_CODE)};
#undef WALRUS_CODE

TEST(ErrorTable, NumbersAreThereAndBackAndBelongToOneCode) {
  std::set<std::uint16_t> numbers;
  for (const ErrorCode code : kAllCodes) {
    const auto number = static_cast<std::uint16_t>(code);
    EXPECT_EQ(error_from_number(number), code);
    EXPECT_TRUE(numbers.insert(number).second) << number;
    EXPECT_FALSE(error_text(code).empty());
  }
  EXPECT_FALSE(numbers.contains(0)) << "0 means no error on the wire";
}

TEST(ErrorTable, AnUnknownNumberIsAnIoError) { EXPECT_EQ(error_from_number(65'535), ErrorCode::kIo); }

TEST(ErrorTable, TextsThatClientsKnowAreThose) {
  EXPECT_EQ(error_text(ErrorCode::kTopicNotFound), "topic not found");
  EXPECT_EQ(error_text(ErrorCode::kUnknownCommand), "unknown command");
  EXPECT_EQ(error_text(ErrorCode::kInvalidFrameLength), "invalid frame length");
  EXPECT_EQ(error_text(ErrorCode::kRegisterRequiresTopic), "REGISTER requires a topic");
  EXPECT_EQ(error_text(ErrorCode::kPutRequiresTopic), "PUT requires a topic");
  EXPECT_EQ(error_text(ErrorCode::kGetRequiresTopic), "GET requires a topic");
  EXPECT_EQ(error_text(ErrorCode::kStateRequiresTopic), "STATE requires a topic");
  EXPECT_EQ(error_text(ErrorCode::kPutRequiresPayload), "PUT requires a payload");
  EXPECT_EQ(error_text(ErrorCode::kRaftNotInitialized), "raft cluster not initialized");
  EXPECT_EQ(error_text(ErrorCode::kNotLeader), "NotLeaderError");
}

TEST(Error, TellsItsTextAndTheDetailIfThereIsOne) {
  EXPECT_EQ((Error{ErrorCode::kDiskFull, ""}.message()), "disk full");
  EXPECT_EQ((Error{ErrorCode::kDiskFull, "write x"}.message()), "disk full: write x");
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::kInvalidArgument, "odd");
  return value / 2;
}

Result<int> quarter(int value) {
  WALRUS_ASSIGN(const int once, half(value));
  WALRUS_ASSIGN(const int twice, half(once));
  return twice;
}

Status check(int value) {
  WALRUS_TRY(half(value));
  WALRUS_TRY(quarter(value));
  return {};
}

TEST(Result, TryAndAssignPassTheFirstErrorOn) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(6).error().detail, "odd");
  EXPECT_TRUE(check(4));
  EXPECT_EQ(check(3).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(check(2));
}

}  // namespace
}  // namespace walrus
