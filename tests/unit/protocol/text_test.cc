#include "protocol/text.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "base/limits.h"

namespace walrus::protocol {
namespace {

using namespace std::string_view_literals;

struct Accepted {
  std::string_view text;
  Verb verb;
  std::string_view topic;
  std::string_view payload;
};
void PrintTo(const Accepted& row, std::ostream* out) { *out << '"' << row.text << '"'; }

class AcceptedRequest : public testing::TestWithParam<Accepted> {};
TEST_P(AcceptedRequest, HasVerbTopicAndPayload) {
  const auto request = parse_request(GetParam().text);
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->verb, GetParam().verb);
  EXPECT_EQ(request->topic, GetParam().topic);
  EXPECT_EQ(request->payload, GetParam().payload);
}
INSTANTIATE_TEST_SUITE_P(
    Table, AcceptedRequest,
    testing::Values(Accepted{"REGISTER logs", Verb::kRegister, "logs", ""},
                    Accepted{"GET logs", Verb::kGet, "logs", ""}, Accepted{"STATE logs", Verb::kState, "logs", ""},
                    Accepted{"METRICS", Verb::kMetrics, "", ""}, Accepted{"PUT logs a", Verb::kPut, "logs", "a"},
                    // The payload is every byte behind the one blank.
                    Accepted{"PUT logs  two blanks ", Verb::kPut, "logs", " two blanks "},
                    Accepted{"PUT logs  ", Verb::kPut, "logs", " "}, Accepted{"PUT logs \n", Verb::kPut, "logs", "\n"},
                    Accepted{"PUT logs \0\xff"sv, Verb::kPut, "logs", "\0\xff"sv},
                    Accepted{"PUT logs \"quoted\"", Verb::kPut, "logs", "\"quoted\""},
                    // Blanks behind the last word are nobody's data.
                    Accepted{"GET logs  ", Verb::kGet, "logs", ""},
                    Accepted{"REGISTER logs ", Verb::kRegister, "logs", ""},
                    Accepted{"METRICS ", Verb::kMetrics, "", ""},
                    Accepted{"GET l\xc3\xb6g\xf0\x9f\xa6\xad", Verb::kGet, "l\xc3\xb6g\xf0\x9f\xa6\xad", ""},
                    Accepted{"GET PUT", Verb::kGet, "PUT", ""}));

struct Refused {
  std::string_view text;
  std::string_view message;
};
void PrintTo(const Refused& row, std::ostream* out) { *out << '"' << row.text << '"'; }

class RefusedRequest : public testing::TestWithParam<Refused> {};
TEST_P(RefusedRequest, IsAnsweredWithExactlyThisError) {
  const auto request = parse_request(GetParam().text);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().message(), GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedRequest,
    testing::Values(Refused{"REGISTER", "REGISTER requires a topic"}, Refused{"PUT", "PUT requires a topic"},  //
                    Refused{"GET", "GET requires a topic"},                                                    //
                    Refused{"STATE", "STATE requires a topic"}, Refused{"REGISTER ", "REGISTER requires a topic"},
                    Refused{"PUT ", "PUT requires a topic"},  //
                    Refused{"GET   ", "GET requires a topic"}, Refused{"STATE  logs", "STATE requires a topic"},
                    Refused{"PUT  x", "PUT requires a topic"}, Refused{"PUT logs", "PUT requires a payload"},
                    Refused{"PUT logs ", "PUT requires a payload"}, Refused{"PUT a\tb", "PUT requires a payload"},
                    Refused{"GET two words", "invalid topic name"}, Refused{"GET logs\n", "invalid topic name"},
                    Refused{"GET logs\r\n", "invalid topic name"}, Refused{"GET a\0b"sv, "invalid topic name"},
                    Refused{"PUT a\tb x", "invalid topic name"}, Refused{"GET a\xff", "invalid topic name"},
                    Refused{"put logs x", "unknown command"},  //
                    Refused{"Get logs", "unknown command"},    //
                    Refused{" GET logs", "unknown command"},   //
                    Refused{" ", "unknown command"},           //
                    Refused{"GET\tlogs", "unknown command"},   //
                    Refused{"GETlogs", "unknown command"}, Refused{"METRICS now", "unknown command"},
                    Refused{"METRICS\n", "unknown command"}, Refused{"ERASE logs", "unknown command"},
                    Refused{"\0"sv, "unknown command"}, Refused{"", "unknown command"}));

TEST(RegisterOptions, StandBehindTheTopic) {
  EXPECT_EQ(parse_request("REGISTER logs")->get<TopicOptions>(), TopicOptions{});
  const auto request = parse_request("REGISTER logs  replicas=3 segment_entries=500 ");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->topic, "logs");
  TopicOptions options;
  options.replicas = 3;
  options.segment_entries = 500;
  EXPECT_EQ(request->get<TopicOptions>(), options);
}

TEST(TopicOptionsText, SaysWhatItWasReadFrom) {
  for (const char* text : {" replicas=3", " fsync=always", " fsync=interval:25 retention_ms=0", " fsync=default",
                           " replicas=1 segment_entries=9 fsync=never retention_ms=1 retention_bytes=2"
                           " retention_records=3 max_bytes_per_second=4"}) {
    const auto options = parse_topic_options(text);
    ASSERT_TRUE(options) << text;
    EXPECT_EQ(to_string(*options), text);
  }
}

TEST(Alter, SaysWhatIsToChange) {
  EXPECT_EQ(parse_request("ALTER logs retention_ms=5")->get<TopicOptions>().retention_ms, 5U);
  EXPECT_EQ(parse_request("ALTER logs").error().message(),
            "incomplete request: ALTER requires name=value, what is to change");
  EXPECT_EQ(parse_request("ALTER").error().message(), "incomplete request: ALTER requires a topic");
  EXPECT_EQ(parse_request("ALTER logs retention_ms=-1").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(parse_request("ALTER logs fsync=interval:0").error().code, ErrorCode::kInvalidArgument);
}

TEST(Trim, SaysWhichRecordsStay) {
  EXPECT_EQ(parse_request("TRIM logs 17 ")->get<TrimOptions>().before, Offset(17));
  EXPECT_EQ(parse_request("TRIM logs").error().message(),
            "incomplete request: TRIM requires an offset, that of the first record to keep");
  EXPECT_EQ(parse_request("TRIM logs -1").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(parse_request("TRIM logs 1 2").error().code, ErrorCode::kInvalidArgument);
}

TEST(Topics, AreAskedForInPages) {
  EXPECT_EQ(parse_request("TOPICS")->get<TopicPage>(), TopicPage{});
  const auto page = parse_request("TOPICS after=logs max=10");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->name, "logs");
  EXPECT_EQ(page->get<TopicPage>().max, 10U);
  for (const char* text : {"TOPICS max=0", "TOPICS max=1001", "TOPICS all", "TOPICS from=x"}) {
    EXPECT_EQ(parse_request(text).error().code, ErrorCode::kInvalidArgument) << text;
  }
}

TEST(RegisterOptions, ThatMakeNoSenseAreRefusedInWords) {
  for (const char* text : {"REGISTER logs replicas=0", "REGISTER logs replicas=8", "REGISTER logs replicas=two",
                           "REGISTER logs replicas=", "REGISTER logs replicas=3x"}) {
    const auto request = parse_request(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().message(), "invalid argument: replicas is a number from 1 to 7") << text;
  }
  for (const char* text : {"REGISTER logs segment_entries=0", "REGISTER logs segment_entries=1000000001",
                           "REGISTER logs segment_entries=-1"}) {
    const auto request = parse_request(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().message(), "invalid argument: segment_entries is a number from 1 to 1000000000") << text;
  }
  EXPECT_EQ(parse_request("REGISTER logs colour=red").error().message(),
            "invalid argument: topic option 'colour' is not known");
  EXPECT_EQ(parse_request("REGISTER my logs").error().code, ErrorCode::kInvalidTopicName);
  EXPECT_EQ(parse_request("GET logs replicas=3").error().code, ErrorCode::kInvalidTopicName);
}

TEST(TopicName, HasOneToTheLimitOfBytes) {
  EXPECT_FALSE(valid_topic_name(""));
  EXPECT_TRUE(valid_topic_name("x"));
  EXPECT_TRUE(valid_topic_name(std::string(limits::kMaxTopicNameBytes, 'x')));
  EXPECT_FALSE(valid_topic_name(std::string(limits::kMaxTopicNameBytes + 1, 'x')));
}

TEST(TopicName, HasNoBlanksOrControlCharacters) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const bool allowed = byte > 0x20 && byte < 0x7f;
    EXPECT_EQ(valid_topic_name(std::string("a") + static_cast<char>(byte)), allowed) << "byte " << byte;
  }
  EXPECT_FALSE(valid_topic_name("\xc2\x80"));  // a C1 control
  EXPECT_FALSE(valid_topic_name("\xc2\xa0"));  // no-break space
  EXPECT_FALSE(
      valid_topic_name("a\xe3\x80\x80"
                       "b"));  // ideographic space
  EXPECT_FALSE(
      valid_topic_name("a\xe2\x80\xa8"
                       "b"));  // line separator
  EXPECT_TRUE(valid_topic_name("\xc2\xa1"));
  EXPECT_TRUE(valid_topic_name("\xe3\x80\x81"));
}

TEST(TopicName, IsWellFormedUtf8) {
  EXPECT_TRUE(valid_topic_name("\xf4\x8f\xbf\xbf"));   // U+10FFFF
  EXPECT_FALSE(valid_topic_name("\xf4\x90\x80\x80"));  // above it
  EXPECT_FALSE(valid_topic_name("\xc3"));              // cut off
  EXPECT_FALSE(valid_topic_name("\xe2\x82"));
  EXPECT_FALSE(valid_topic_name("\xbf"));  // continuation without a lead
  EXPECT_FALSE(valid_topic_name("\xc3x"));
  EXPECT_FALSE(valid_topic_name("\xc1\xa1"));  // overlong
  EXPECT_FALSE(valid_topic_name("\xe0\x81\xa1"));
  EXPECT_FALSE(valid_topic_name("\xed\xa0\x80"));  // surrogate
  EXPECT_FALSE(valid_topic_name("\xff"));
}

TEST(Request, AboutNodesNamesOneAndPerhapsOneWish) {
  EXPECT_EQ(parse_request("NODES")->verb, Verb::kNodes);
  EXPECT_EQ(parse_request("DRAIN 3")->verb, Verb::kDrain);
  EXPECT_EQ(parse_request("DRAIN 3")->get<NodeOptions>().node, NodeId(3));
  EXPECT_FALSE(parse_request("DRAIN 3")->get<NodeOptions>().cancel);
  EXPECT_TRUE(parse_request("DRAIN 3 cancel ")->get<NodeOptions>().cancel);
  EXPECT_EQ(parse_request("REMOVE 12")->get<NodeOptions>().node, NodeId(12));
  EXPECT_FALSE(parse_request("REMOVE 12")->get<NodeOptions>().lose_data);
  EXPECT_TRUE(parse_request("REMOVE 12 lose-data")->get<NodeOptions>().lose_data);
  for (const auto text : {"DRAIN", "DRAIN x", "DRAIN 0", "DRAIN -1", "DRAIN 3x", "DRAIN 3 lose-data", "REMOVE 3 cancel",
                          "REMOVE  3", "REMOVE 3 lose-data now", "REMOVE 99999999999999999999"}) {
    const auto refused = parse_request(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(parse_request("NODES 3").error().code, ErrorCode::kUnknownCommand);
}

TEST(Request, IsTheSameAfterACrossing) {
  std::string bytes;
  std::vector<Request> sent;
  for (const std::string_view text : {"PUT logs some payload", "REGISTER other replicas=3", "GET logs", "METRICS"}) {
    sent.push_back(*parse_request(text));
    pack(sent.back(), bytes);
  }
  std::string_view rest = bytes;
  for (const Request& request : sent) EXPECT_EQ(unpack(request, rest), request);
  EXPECT_TRUE(rest.empty());
}

TEST(Reply, IsOneOfFourForms) {
  EXPECT_EQ(parse_reply("OK")->kind, Reply::Kind::kOk);
  EXPECT_EQ(parse_reply("EMPTY")->kind, Reply::Kind::kEmpty);
  EXPECT_EQ(parse_reply("OK ")->kind, Reply::Kind::kOkPayload);
  EXPECT_EQ(parse_reply("OK  a ")->payload, " a ");
  EXPECT_EQ(parse_reply("ERR topic not found")->kind, Reply::Kind::kError);
  EXPECT_EQ(parse_reply("ERR topic not found")->payload, "topic not found");
  for (const auto text : {"", "OKAY", "ok", "EMPTY ", "ERR", "HTTP/1.1 200 OK"})
    EXPECT_FALSE(parse_reply(text)) << text;
}

}  // namespace
}  // namespace walrus::protocol
