#include "base/ids.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <concepts>
#include <unordered_set>

namespace walrus {
namespace {

TEST(Uuid, IsWrittenAsThirtyTwoHexDigitsAndReadBack) {
  const Uuid id(0x0123456789abcdef, 0xfedcba9876543210);
  EXPECT_EQ(id.hex(), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(Uuid::parse(id.hex()), id);
  EXPECT_EQ(Uuid(0, 1).hex(), "00000000000000000000000000000001");
  EXPECT_EQ(Uuid::parse("00000000000000000000000000000001"), Uuid(0, 1));
  EXPECT_EQ(Uuid::parse("ABCDEF00000000000000000000000000"), Uuid(0xabcdef0000000000, 0));
  EXPECT_EQ(fmt::format("{}", id), id.hex());
}

TEST(Uuid, RefusesWhatIsNotThirtyTwoHexDigits) {
  const std::string good = "0123456789abcdeffedcba9876543210";
  for (const std::string& bad :
       {std::string(), std::string("0"), good.substr(1), good + "0", "g" + good.substr(1), good.substr(0, 31) + "g",
        "-" + good.substr(1), "+" + good.substr(1), " " + good.substr(1), "0x" + good.substr(2),
        good.substr(0, 16) + "-" + good.substr(17)}) {
    const auto parsed = Uuid::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Uuid, OnlyAllZeroIsNil) {
  EXPECT_TRUE(Uuid().is_nil());
  EXPECT_FALSE(Uuid(0, 1).is_nil());
  EXPECT_FALSE(Uuid(1, 0).is_nil());
}

TEST(StrongId, DoesNotConvertIntoAnother) {
  static_assert(!std::convertible_to<TopicId, SegmentId>);
  static_assert(!std::constructible_from<TopicId, SegmentId>);
  static_assert(!std::convertible_to<std::uint64_t, TopicId>);
  static_assert(!std::equality_comparable_with<TopicId, SegmentId>);
  static_assert(!std::convertible_to<Offset, std::uint64_t>);
  EXPECT_LT(TopicId(1), TopicId(2));
  EXPECT_EQ(fmt::format("{} {}", TopicId(7), Offset(8)), "7 8");
  const std::unordered_set<TopicId> ids = {TopicId(1), TopicId(1), TopicId(2)};
  EXPECT_EQ(ids.size(), 2u);
}

TEST(Offset, IsMovedByRecordsAndTheDifferenceIsRecords) {
  Offset offset(5);
  offset += 3;
  EXPECT_EQ(offset, Offset(8));
  EXPECT_EQ(offset + 2, Offset(10));
  EXPECT_EQ(Offset(10) - Offset(8), 2u);
}

}  // namespace
}  // namespace walrus
