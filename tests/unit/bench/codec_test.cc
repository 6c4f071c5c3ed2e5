#include "bench/codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/frame.h"

namespace walrus::bench {
namespace {

using Kind = Answer::Kind;

std::vector<Kind> answers_of(const Codec& codec, std::string_view input, std::string_view& rest) {
  std::vector<Kind> kinds;
  Answer answer;
  while (!input.empty() && codec.take_answer(input, answer)) {
    kinds.push_back(answer.kind);
    if (answer.kind == Kind::kNonsense) break;
  }
  rest = input;
  return kinds;
}

TEST(WalrusCodec, RequestsAreTheDocumentedFrames) {
  const auto codec = make_walrus_codec({.topics = {"a", "bc"}, .payload = "payload"});
  std::string out;
  codec->append_request(out, RequestKind::kPut, {.topic = 1});
  codec->append_request(out, RequestKind::kGet, {.topic = 0});
  codec->append_request(out, RequestKind::kRegister, {.topic = 1});
  EXPECT_EQ(out, std::string("\x0e\0\0\0PUT bc payload\x05\0\0\0GET a\x0b\0\0\0REGISTER bc", 42));
}

TEST(WalrusCodec, MovesTheGroupOfAConnectionForwardAndNotPastTheEnd) {
  const auto codec = make_walrus_codec({.topics = {"a"}, .payload = "x", .records = 2});
  std::string out;
  codec->append_request(out, RequestKind::kCommit, {.topic = 0, .lane = 7, .number = 0});
  codec->append_request(out, RequestKind::kCommit, {.topic = 0, .lane = 7, .number = 1});
  codec->append_request(out, RequestKind::kCommit, {.topic = 0, .lane = 7, .number = 2});
  std::string expected;
  for (const char* text : {"COMMIT a bench-7 1", "COMMIT a bench-7 2", "COMMIT a bench-7 2"}) {
    protocol::append_frame(expected, text);
  }
  EXPECT_EQ(out, expected);
}

TEST(WalrusCodec, AnswersComeApartWhereverTheyAreCut) {
  const auto codec = make_walrus_codec({.topics = {"a"}, .payload = "x"});
  const std::string input("\x02\0\0\0OK\x07\0\0\0OK data\x05\0\0\0EMPTY\x08\0\0\0ERR oops", 38);
  const std::vector<Kind> expected = {Kind::kOk, Kind::kRecord, Kind::kEmpty, Kind::kError};
  std::string_view rest;
  ASSERT_EQ(answers_of(*codec, input, rest), expected);
  EXPECT_TRUE(rest.empty());
  for (std::size_t cut = 0; cut < input.size(); ++cut) {
    auto kinds = answers_of(*codec, std::string_view(input).substr(0, cut), rest);
    const std::string later = std::string(rest) + input.substr(cut);
    const auto more = answers_of(*codec, later, rest);
    kinds.insert(kinds.end(), more.begin(), more.end());
    EXPECT_EQ(kinds, expected) << "cut at " << cut;
  }
}

TEST(WalrusCodec, AStrangerIsRecognised) {
  const auto codec = make_walrus_codec({.topics = {"a"}, .payload = "x"});
  std::string_view rest;
  EXPECT_EQ(answers_of(*codec, "HTTP/1.1 400 Bad Request\r\n\r\n", rest), std::vector{Kind::kNonsense});
}

TEST(RedisCodec, ARecordIsAppendedToAStream) {
  const auto codec = make_redis_codec({.topics = {"logs"}, .payload = "hello"});
  std::string out;
  codec->append_request(out, RequestKind::kPut, {.topic = 0});
  EXPECT_EQ(out, "*5\r\n$4\r\nXADD\r\n$4\r\nlogs\r\n$1\r\n*\r\n$1\r\nd\r\n$5\r\nhello\r\n");
  EXPECT_FALSE(codec->supports(RequestKind::kGet));
  EXPECT_FALSE(codec->supports(RequestKind::kRegister));
}

TEST(RedisCodec, AnswersComeApartWhereverTheyAreCut) {
  const auto codec = make_redis_codec({.topics = {"a"}, .payload = "x"});
  const std::string input = "$15\r\n1526919030474-0\r\n+OK\r\n-ERR no\r\n$-1\r\n:7\r\n";
  const std::vector<Kind> expected = {Kind::kOk, Kind::kOk, Kind::kError, Kind::kEmpty, Kind::kOk};
  std::string_view rest;
  ASSERT_EQ(answers_of(*codec, input, rest), expected);
  for (std::size_t cut = 0; cut < input.size(); ++cut) {
    auto kinds = answers_of(*codec, std::string_view(input).substr(0, cut), rest);
    const std::string later = std::string(rest) + input.substr(cut);
    const auto more = answers_of(*codec, later, rest);
    kinds.insert(kinds.end(), more.begin(), more.end());
    EXPECT_EQ(kinds, expected) << "cut at " << cut;
  }
}

TEST(RedisCodec, NonsenseIsNotTakenForAnAnswer) {
  const auto codec = make_redis_codec({.topics = {"a"}, .payload = "x"});
  std::string_view rest;
  for (const char* input : {"hello\r\n", "\r\n", "$x\r\n", "*1\r\n"}) {
    EXPECT_EQ(answers_of(*codec, input, rest), std::vector{Kind::kNonsense}) << input;
  }
}

TEST(NatsCodec, ARecordIsPublishedAndItsAnswerComesToTheLanesInbox) {
  const auto codec = make_nats_codec({.topics = {"logs"}, .payload = "hello"});
  EXPECT_TRUE(codec->greeting(3).ends_with("SUB _INBOX.3 1\r\n"));
  std::string out;
  codec->append_request(out, RequestKind::kPut, {.topic = 0, .lane = 3});
  EXPECT_EQ(out, "PUB logs _INBOX.3 5\r\nhello\r\n");
  EXPECT_FALSE(codec->supports(RequestKind::kGet));
}

TEST(NatsCodec, AStreamIsMadeForATopic) {
  const auto codec = make_nats_codec({.topics = {"logs"}, .payload = "x"});
  std::string out;
  codec->append_request(out, RequestKind::kRegister, {.topic = 0, .lane = 0});
  EXPECT_EQ(out,
            "PUB $JS.API.STREAM.CREATE.logs _INBOX.0 69\r\n"
            "{\"name\":\"logs\",\"subjects\":[\"logs\"],\"storage\":\"file\",\"num_replicas\":1}\r\n");
}

TEST(NatsCodec, AnswersAndNoticesComeApartWhereverTheyAreCut) {
  const auto codec = make_nats_codec({.topics = {"a"}, .payload = "x"});
  const std::string input =
      "INFO {\"version\":\"2\"}\r\nMSG _INBOX.0 1 23\r\n{\"stream\":\"a\", \"seq\":7}\r\nPING\r\n"
      "MSG _INBOX.0 1 22\r\n{\"error\":{\"code\":503}}\r\n-ERR 'no'\r\n";
  const std::vector<Kind> expected = {Kind::kNotice, Kind::kOk, Kind::kNotice, Kind::kError, Kind::kError};
  std::string_view rest;
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    auto kinds = answers_of(*codec, std::string_view(input).substr(0, cut), rest);
    const std::string later = std::string(rest) + input.substr(cut);
    const auto more = answers_of(*codec, later, rest);
    kinds.insert(kinds.end(), more.begin(), more.end());
    EXPECT_EQ(kinds, expected) << "cut at " << cut;
  }
  EXPECT_TRUE(rest.empty());
}

TEST(NatsCodec, APingIsAnswered) {
  std::string_view input = "PING\r\n";
  Answer answer;
  ASSERT_TRUE(make_nats_codec({.topics = {"a"}, .payload = "x"})->take_answer(input, answer));
  EXPECT_EQ(answer.send_back, "PONG\r\n");
}

}  // namespace
}  // namespace walrus::bench
