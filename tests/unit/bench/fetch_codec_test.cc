#include "bench/fetch_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/frame.h"
#include "storage/record_batch.h"

namespace walrus::bench {
namespace {

using ::testing::HasSubstr;

FetchOptions options(const char* topic) { return {.topic = topic, .bytes = 1000, .record_bytes = 10}; }

std::string request_of(FetchCodec& codec) {
  std::string out;
  codec.append_fetch(out);
  return out;
}

/// Nothing comes of any part of `reply`, and this of the whole.
Fetched fetched_of(FetchCodec& codec, const std::string& reply) {
  Fetched fetched;
  for (std::size_t cut = 0; cut < reply.size(); ++cut) {
    std::string_view part = std::string_view(reply).substr(0, cut);
    EXPECT_FALSE(codec.take(part, fetched)) << "cut at " << cut;
  }
  std::string_view whole = reply;
  EXPECT_TRUE(codec.take(whole, fetched));
  EXPECT_TRUE(whole.empty());
  return fetched;
}

std::string batch_of(std::uint64_t first, int records) {
  storage::BatchBuilder builder;
  for (int i = 0; i < records; ++i) builder.add("hello", 1);
  return builder.finish(Offset(first));
}

std::string reply_of(const std::string& text) {
  std::string reply;
  protocol::append_frame(reply, text);
  return reply;
}

TEST(WalrusFetch, WhatLiesOutsideOfTheAnswersBoundsIsNotCounted) {
  const auto codec = make_walrus_fetch(options("logs"));
  EXPECT_THAT(request_of(*codec), HasSubstr("FETCH logs earliest bytes=1000 wait=0 form=batches"));
  const Fetched fetched = fetched_of(*codec, reply_of("OK 7 5 12 20\n" + batch_of(5, 4) + batch_of(9, 10)));
  EXPECT_EQ(fetched.kind, Fetched::Kind::kRecords);
  EXPECT_EQ(fetched.records, 5U);
  EXPECT_EQ(fetched.bytes, 25U);
  EXPECT_FALSE(fetched.at_end);
  EXPECT_THAT(request_of(*codec), HasSubstr("FETCH logs 12 "));
  EXPECT_TRUE(fetched_of(*codec, reply_of("OK 12 0 12 12\n")).at_end);
  codec->rewind();
  EXPECT_THAT(request_of(*codec), HasSubstr("FETCH logs earliest "));
}

TEST(WalrusFetch, ErrorsAndWhatIsNoAnswerAreToldApart) {
  const auto codec = make_walrus_fetch(options("logs"));
  EXPECT_EQ(fetched_of(*codec, reply_of("ERR topic not found")).error, "topic not found");
  EXPECT_EQ(fetched_of(*codec, reply_of("OK 7 5 12\n")).kind, Fetched::Kind::kNonsense);
  EXPECT_EQ(fetched_of(*codec, reply_of("OK 7 6 12 20\n" + batch_of(7, 5))).kind, Fetched::Kind::kNonsense);
}

TEST(RedisFetch, EntriesAreCountedAndTheNextRequestStartsBehindThem) {
  const auto codec = make_redis_fetch(options("logs"));
  EXPECT_EQ(request_of(*codec),
            "*6\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$3\r\n100\r\n$7\r\nSTREAMS\r\n$4\r\nlogs\r\n$3\r\n0-0\r\n");
  const std::string entry = "*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nd\r\n$5\r\nhello\r\n";
  const std::string last = "*2\r\n$4\r\n1-22\r\n*2\r\n$1\r\nd\r\n$2\r\nhi\r\n";
  const Fetched fetched = fetched_of(*codec, "*1\r\n*2\r\n$4\r\nlogs\r\n*2\r\n" + entry + last);
  EXPECT_EQ(fetched.records, 2U);
  EXPECT_EQ(fetched.bytes, 7U);
  EXPECT_TRUE(fetched.at_end);
  EXPECT_THAT(request_of(*codec), HasSubstr("$4\r\n1-22\r\n"));
}

TEST(RedisFetch, NothingThereIsNoError) {
  const auto codec = make_redis_fetch(options("logs"));
  const Fetched fetched = fetched_of(*codec, "*-1\r\n");
  EXPECT_EQ(fetched.kind, Fetched::Kind::kRecords);
  EXPECT_EQ(fetched.records, 0U);
  EXPECT_TRUE(fetched.at_end);
  EXPECT_EQ(fetched_of(*codec, "-ERR no\r\n").error, "ERR no");
  std::string_view nonsense = "HTTP/1.1 400\r\n";
  Fetched what;
  ASSERT_TRUE(codec->take(nonsense, what));
  EXPECT_EQ(what.kind, Fetched::Kind::kNonsense);
}

}  // namespace
}  // namespace walrus::bench
