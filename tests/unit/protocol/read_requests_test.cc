// What the reading verbs say behind their topic.
#include "protocol/read_requests.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "protocol/text.h"

namespace walrus::protocol {
namespace {

using Form = ReadBounds::Form;
using Kind = Place::Kind;

TEST(FetchRequest, SaysWhereToBeginAndMayBoundTheReply) {
  const auto plain = parse_request("FETCH logs 7");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->verb, Verb::kFetch);
  EXPECT_EQ(plain->topic, "logs");
  EXPECT_EQ(plain->get<FetchArguments>(), (FetchArguments{.from = {Kind::kOffset, 7}}));

  const auto full = parse_request("FETCH logs @1700000000000 max=10  bytes=4096 wait=250 form=batches ");
  ASSERT_TRUE(full) << full.error().message();
  EXPECT_EQ(full->get<FetchArguments>(),
            (FetchArguments{.from = {Kind::kTime, 1'700'000'000'000},
                            .bounds = {.records = 10, .bytes = 4096, .form = Form::kBatches},
                            .wait_ms = 250}));
  EXPECT_EQ(parse_request("FETCH logs earliest")->get<FetchArguments>().from.kind, Kind::kEarliest);
  EXPECT_EQ(parse_request("FETCH logs latest")->get<FetchArguments>().from.kind, Kind::kLatest);
}

TEST(GroupRequest, NamesTopicAndGroup) {
  const auto read = parse_request("READ logs billing max=5 wait=10 commit=none");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->verb, Verb::kRead);
  EXPECT_EQ(read->topic, "logs");
  EXPECT_EQ(read->name, "billing");
  EXPECT_EQ(read->get<GroupArguments>(), (GroupArguments{.bounds = {.records = 5}, .wait_ms = 10, .advance = false}));
  EXPECT_EQ(parse_request("COMMIT logs billing 7")->get<GroupArguments>().place, (Place{Kind::kOffset, 7}));
  EXPECT_EQ(parse_request("SEEK logs billing @9")->get<GroupArguments>().place, (Place{Kind::kTime, 9}));
  EXPECT_EQ(parse_request("FORGET logs billing ")->name, "billing");
  EXPECT_EQ(parse_request("CURSORS logs")->topic, "logs");
}

TEST(QueueRequest, SaysWhatConcernsIt) {
  EXPECT_EQ(parse_request("QUEUE jobs w visible=1000 tries=3 delay=10 inflight=1 dead=bad")->get<QueueArguments>(),
            (QueueArguments{.visible_ms = 1000, .delay_ms = 10, .max_tries = 3, .in_flight = 1, .dead_topic = "bad"}));
  EXPECT_EQ(parse_request("QUEUE jobs w dead=")->get<QueueArguments>().dead_topic, "");
  EXPECT_EQ(parse_request("LEASE jobs w")->get<QueueArguments>().bounds.records, 1u);
  EXPECT_EQ(parse_request("LEASE jobs w max=5 wait=100 visible=50")->get<QueueArguments>(),
            (QueueArguments{.visible_ms = 50, .bounds = {.records = 5}, .wait_ms = 100}));
  EXPECT_EQ(parse_request("ACK jobs w 5 7-12")->get<QueueArguments>().spans,
            (std::vector<OffsetSpan>{{5, 5}, {7, 12}}));
  EXPECT_EQ(parse_request("NACK jobs w 5 try=5000000")->get<QueueArguments>().tries, 5'000'000u) << "there is no bound";
  EXPECT_EQ(parse_request("NACK jobs w 5 try=2 delay=50")->get<QueueArguments>(),
            (QueueArguments{.spans = {{5, 5}}, .tries = 2, .delay_ms = 50}));
  EXPECT_EQ(parse_request("EXTEND jobs w 5 visible=100")->get<QueueArguments>().visible_ms, 100u);
}

struct Refused {
  const char* text;
  const char* message;
};
void PrintTo(const Refused& row, std::ostream* out) { *out << '"' << row.text << '"'; }

class RefusedRead : public testing::TestWithParam<Refused> {};
TEST_P(RefusedRead, IsAnsweredWithExactlyThisError) {
  const auto request = parse_request(GetParam().text);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().message(), GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedRead,
    testing::Values(
        Refused{"FETCH", "incomplete request: FETCH requires a topic"},
        Refused{"FETCH ", "incomplete request: FETCH requires a topic"}, Refused{"FETCH a\tb 0", "invalid topic name"},
        Refused{"FETCH logs", "incomplete request: FETCH requires a place to read from"},
        Refused{"FETCH logs -1",
                "invalid argument: '-1' is no place: an offset, earliest, latest or @ and milliseconds since 1970"},
        Refused{"FETCH logs 9223372036854775808",
                "invalid argument: '9223372036854775808' is no place: an offset, earliest, latest or @ and "
                "milliseconds since 1970"},
        Refused{"FETCH logs @",
                "invalid argument: '@' is no place: an offset, earliest, latest or @ and milliseconds since 1970"},
        Refused{"FETCH logs 0 max=0", "invalid argument: max is a number from 1 to 1000000"},
        Refused{"FETCH logs 0 bytes=4194305", "invalid argument: bytes is a number from 1 to 4194304"},
        Refused{"FETCH logs 0 wait=300001", "invalid argument: wait is a number from 0 to 300000"},
        Refused{"FETCH logs 0 form=json", "invalid argument: form is records or batches"},
        Refused{"FETCH logs 0 colour=red", "invalid argument: 'colour' is not known here"},
        Refused{"FETCH logs 0 more", "invalid argument: 'more' is not known here"}));

}  // namespace
}  // namespace walrus::protocol
