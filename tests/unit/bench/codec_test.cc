#include "bench/codec.h"

#include <gtest/gtest.h>

#include <vector>

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
  const auto codec = make_walrus_codec({"a", "bc"}, "payload");
  std::string out;
  codec->append_request(out, RequestKind::kPut, 1);
  codec->append_request(out, RequestKind::kGet, 0);
  codec->append_request(out, RequestKind::kRegister, 1);
  EXPECT_EQ(out, std::string("\x0e\0\0\0PUT bc payload\x05\0\0\0GET a\x0b\0\0\0REGISTER bc", 42));
}

TEST(WalrusCodec, AnswersComeApartWhereverTheyAreCut) {
  const auto codec = make_walrus_codec({"a"}, "x");
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
  const auto codec = make_walrus_codec({"a"}, "x");
  std::string_view rest;
  EXPECT_EQ(answers_of(*codec, "HTTP/1.1 400 Bad Request\r\n\r\n", rest), std::vector{Kind::kNonsense});
}

TEST(RedisCodec, ARecordIsAppendedToAStream) {
  const auto codec = make_redis_codec({"logs"}, "hello");
  std::string out;
  codec->append_request(out, RequestKind::kPut, 0);
  EXPECT_EQ(out, "*5\r\n$4\r\nXADD\r\n$4\r\nlogs\r\n$1\r\n*\r\n$1\r\nd\r\n$5\r\nhello\r\n");
  EXPECT_FALSE(codec->supports(RequestKind::kGet));
  EXPECT_FALSE(codec->supports(RequestKind::kRegister));
}

TEST(RedisCodec, AnswersComeApartWhereverTheyAreCut) {
  const auto codec = make_redis_codec({"a"}, "x");
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
  const auto codec = make_redis_codec({"a"}, "x");
  std::string_view rest;
  for (const char* input : {"hello\r\n", "\r\n", "$x\r\n", "*1\r\n"}) {
    EXPECT_EQ(answers_of(*codec, input, rest), std::vector{Kind::kNonsense}) << input;
  }
}

}  // namespace
}  // namespace walrus::bench
