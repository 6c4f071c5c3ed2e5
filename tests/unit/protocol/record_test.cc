#include "protocol/record.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/golden/read_golden.h"

namespace walrus::protocol {
namespace {

std::vector<Record> samples() {
  return {{.place = {}, .key = {}, .headers = {}, .value = "hi"},
          {.place = RecordPlace{Offset(7), 1'700'000'000'000}, .key = "k", .headers = {}, .value = "v"},
          {.place = RecordPlace{Offset(8), -1}, .key = "", .headers = {{"a", "1"}, {"b", ""}}, .value = ""}};
}

TEST(RecordForm, IsTheOneOfTheGoldenBytes) {
  std::string bytes;
  for (const Record& record : samples()) {
    const std::size_t before = bytes.size();
    ASSERT_TRUE(append_record(bytes, record));
    EXPECT_EQ(bytes.size() - before, record_bytes(record));
  }
  EXPECT_EQ(bytes, read_golden("protocol/records"));
}

TEST(RecordForm, IsReadBackAsItWasWritten) {
  const std::string bytes = read_golden("protocol/records");
  std::string_view rest = bytes;
  for (const Record& expected : samples()) {
    const auto record = take_record(rest);
    ASSERT_TRUE(record);
    EXPECT_EQ(*record, expected);
  }
  EXPECT_TRUE(rest.empty());
}

TEST(RecordForm, CutOffAnywhereIsRefused) {
  std::string bytes;
  ASSERT_TRUE(append_record(bytes, samples().back()));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string_view rest = std::string_view(bytes).substr(0, size);
    EXPECT_EQ(take_record(rest).error().code, ErrorCode::kInvalidArgument) << "cut at " << size;
  }
}

TEST(RecordForm, WithAFlagThatIsNotKnownIsRefused) {
  std::string_view rest("\2\0\0\0\10x", 6);
  EXPECT_FALSE(take_record(rest));
}

TEST(RecordForm, WithAPartThatReachesPastItsEndIsRefused) {
  std::string_view rest("\6\0\0\0\2\2\0\0\0kmore", 14);  // the key claims two bytes, one belongs to the record
  EXPECT_FALSE(take_record(rest));
}

TEST(RecordForm, WithoutAnyHeaderHasNoListOfThem) {
  std::string_view rest("\3\0\0\0\4\0\0", 7);
  EXPECT_FALSE(take_record(rest)) << "each record has one form";
}

TEST(RecordForm, RefusesANameThatItsLengthCannotTell) {
  const std::string name(65'536, 'n');
  std::string bytes = "before";
  EXPECT_EQ(append_record(bytes, {.place = {}, .key = {}, .headers = {{name, ""}}, .value = ""}).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(bytes, "before");
}

}  // namespace
}  // namespace walrus::protocol
