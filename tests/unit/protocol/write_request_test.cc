// What a client may ask for with APPEND, EXPECT and MPUT, and what it hears when it asks for nonsense.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "base/limits.h"
#include "protocol/record.h"
#include "protocol/text.h"

namespace walrus::protocol {
namespace {

using namespace std::string_view_literals;

/// `count` records with the value "v".
std::string records(int count) {
  std::string body;
  for (int i = 0; i < count; ++i)
    EXPECT_TRUE(append_record(body, {.place = {}, .key = {}, .headers = {}, .value = "v"}));
  return body;
}

std::string refusal(const std::string& text) {
  const auto request = parse_request(text);
  return request ? "accepted" : request.error().message();
}

TEST(Append, TakesEveryByteBehindTheTopic) {
  const auto request = parse_request("APPEND logs  a\n\0b "sv);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->verb, Verb::kAppend);
  EXPECT_EQ(request->topic, "logs");
  EXPECT_EQ(request->payload, " a\n\0b "sv);
  EXPECT_TRUE(is_write(request->verb));
}

TEST(Expect, NamesTheEndBeforeThePayload) {
  const auto request = parse_request("EXPECT logs 17  a b");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->payload, " a b");
  EXPECT_EQ(request->get<WriteOptions>(), (WriteOptions{.records = 1, .expected_end = Offset(17)}));
}

TEST(Mput, CarriesAsManyRecordsAsItSays) {
  const std::string body = records(3);
  const std::string text = "MPUT logs 3\n" + body;
  const auto request = parse_request(text);
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->topic, "logs");
  EXPECT_EQ(request->payload, body);
  EXPECT_EQ(request->get<WriteOptions>(), WriteOptions{.records = 3});
}

TEST(Mput, TakesOptionsBehindItsCount) {
  const auto request = parse_request("MPUT logs 1  expect=0 \n" + records(1));
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->get<WriteOptions>().expected_end, Offset(0));
}

TEST(Mput, CarriesATokenAndAProducer) {
  const auto request =
      parse_request("MPUT logs 1 token=18446744073709551615 producer=12:32767:2147483647\n" + records(1));
  ASSERT_TRUE(request) << request.error().message();
  const auto options = request->get<WriteOptions>();
  EXPECT_EQ(options.token, ~std::uint64_t{0});
  EXPECT_EQ(options.producer, (ProducerStamp{.id = ProducerId(12), .epoch = 32'767, .sequence = 2'147'483'647}));
}

TEST(Fence, NamesATopicAndAToken) {
  const auto request = parse_request("FENCE logs 17 ");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->topic, "logs");
  EXPECT_EQ(request->get<Token>(), Token{17});
}

TEST(Producer, HasAName) {
  const auto request = parse_request("PRODUCER billing-7 ");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->name, "billing-7");
}

struct Refused {
  std::string text;
  std::string message;
};
void PrintTo(const Refused& row, std::ostream* out) { *out << '"' << row.text << '"'; }

class RefusedWrite : public testing::TestWithParam<Refused> {};
TEST_P(RefusedWrite, SaysWhatIsWrong) { EXPECT_EQ(refusal(GetParam().text), GetParam().message); }
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedWrite,
    testing::Values(
        Refused{"APPEND", "incomplete request: APPEND requires a topic"},
        Refused{"APPEND  x", "incomplete request: APPEND requires a topic"},
        Refused{"APPEND logs ", "incomplete request: APPEND requires a payload"},
        Refused{"APPEND a\tb x", "invalid topic name"},
        Refused{"EXPECT", "incomplete request: EXPECT requires a topic"},
        Refused{"EXPECT logs", "invalid argument: an offset is a number from 0"},
        Refused{"EXPECT logs end x", "invalid argument: an offset is a number from 0"},
        Refused{"EXPECT logs -1 x", "invalid argument: an offset is a number from 0"},
        Refused{"EXPECT logs 9223372036854775808 x", "invalid argument: an offset is a number from 0"},
        Refused{"EXPECT logs 3", "incomplete request: EXPECT requires a payload"},
        Refused{"EXPECT logs 3 ", "incomplete request: EXPECT requires a payload"},
        Refused{"MPUT", "incomplete request: MPUT requires a topic"},
        Refused{"MPUT logs", "invalid argument: MPUT requires the number of its records, from 1 to 1000000"},
        Refused{"MPUT logs 0\n", "invalid argument: MPUT requires the number of its records, from 1 to 1000000"},
        Refused{"MPUT logs 1000001\n", "invalid argument: MPUT requires the number of its records, from 1 to 1000000"},
        Refused{"MPUT logs 1", "incomplete request: MPUT requires a newline and records behind it"},
        Refused{"MPUT logs 1 expect\n", "invalid argument: 'expect' is not known here"},
        Refused{"MPUT logs 1 colour=red\n", "invalid argument: option 'colour' is not known here"},
        Refused{"MPUT logs 1 expect=x\n", "invalid argument: an offset is a number from 0"},
        Refused{"MPUT logs 1 token=-1\n", "invalid argument: token is a number from 0 to 18446744073709551615"},
        Refused{"MPUT logs 1 producer=1:2\n",
                "invalid argument: producer is <id>:<epoch>:<sequence of the first record>"},
        Refused{"MPUT logs 1 producer=1:32768:0\n",
                "invalid argument: producer is <id>:<epoch>:<sequence of the first record>"},
        Refused{"MPUT logs 1 producer=1:0:2147483648\n",
                "invalid argument: producer is <id>:<epoch>:<sequence of the first record>"},
        Refused{"MPUT logs 1 producer=9223372036854775808:0:0\n",
                "invalid argument: producer is <id>:<epoch>:<sequence of the first record>"},
        Refused{"FENCE", "incomplete request: FENCE requires a topic"},
        Refused{"FENCE logs", "invalid argument: FENCE requires a token, a number from 0"},
        Refused{"FENCE logs x", "invalid argument: FENCE requires a token, a number from 0"},
        Refused{"PRODUCER", "incomplete request: PRODUCER requires a name"},
        Refused{"PRODUCER a b", "invalid argument: the name of a producer is formed like that of a topic"},
        Refused{"MPUT logs 2\n" + records(1), "invalid argument: 2 records were announced, 1 are there"},
        Refused{"MPUT logs 1\n" + records(2), "invalid argument: bytes behind the last of 1 records"},
        Refused{"MPUT logs 1\n" + records(1).substr(0, 5), "invalid argument: malformed record"}));

TEST(Mput, TakesNoRecordThatStandsSomewhereAlready) {
  std::string body;
  ASSERT_TRUE(append_record(
      body, {.place = RecordPlace{.offset = Offset(1), .timestamp_ms = 2}, .key = {}, .headers = {}, .value = "v"}));
  EXPECT_EQ(refusal("MPUT logs 1\n" + body), "invalid argument: a record that is written has no offset yet");
}

TEST(Mput, TakesNoRecordBeyondTheLimit) {
  const std::string value(limits::kMaxRecordBytes, 'x');
  std::string body;
  ASSERT_TRUE(append_record(body, {.place = {}, .key = {}, .headers = {}, .value = value}));
  EXPECT_EQ(refusal("MPUT logs 1\n" + body), "record too large: a record has at most 16777216 bytes");
}

}  // namespace
}  // namespace walrus::protocol
