#include "protocol/frame.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace walrus::protocol {
namespace {

using Event = FrameDecoder::Event;

std::string frame(std::string_view text) {
  std::string bytes;
  append_frame(bytes, text);
  return bytes;
}

std::string prefix(std::uint32_t length) {
  std::string bytes;
  append_little(bytes, length);
  return bytes;
}

/// What a connection would see: frames in quotes, "?" for an invalid length, "!" for the end.
class Feed {
 public:
  explicit Feed(std::size_t max_frame_bytes) : decoder_(max_frame_bytes) {}

  void bytes(std::string_view more) {
    held_.append(more);
    std::string_view rest = held_;
    for (;;) {
      const auto step = decoder_.next(rest);
      if (step.event == Event::kNeedMore) break;
      if (step.event == Event::kFrame) seen_.append("'").append(step.text).append("'");
      if (step.event == Event::kInvalidLength) seen_.append("?");
      if (step.event == Event::kMustClose) seen_.append("!");
    }
    held_.erase(0, held_.size() - rest.size());
    largest_held_ = std::max(largest_held_, held_.size());
  }
  const std::string& seen() const { return seen_; }
  const std::string& held() const { return held_; }
  std::size_t largest_held() const { return largest_held_; }
  std::size_t missing() const { return decoder_.missing(held_); }

 private:
  FrameDecoder decoder_;
  std::string held_;
  std::string seen_;
  std::size_t largest_held_ = 0;
};

TEST(Frame, LengthIsLittleEndianAndCountsTheTextAlone) { EXPECT_EQ(frame("EMPTY"), std::string("\x05\0\0\0EMPTY", 9)); }

TEST(Frame, HeadAndTailMakeOneText) {
  std::string bytes;
  append_frame(bytes, "OK ", "a b");
  EXPECT_EQ(bytes, frame("OK a b"));
}

TEST(FrameDecoder, TakesSeveralFramesOutOfOneRead) {
  Feed feed(16);
  feed.bytes(frame("one") + frame("two") + frame("three"));
  EXPECT_EQ(feed.seen(), "'one''two''three'");
  EXPECT_TRUE(feed.held().empty());
}

TEST(FrameDecoder, GivesTheSameForEverySplitIntoTwoReads) {
  const std::string stream = frame("a") + prefix(0) + frame("bb") + prefix(40) + std::string(40, 'x') + frame("c");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    Feed feed(16);
    feed.bytes(stream.substr(0, cut));
    feed.bytes(stream.substr(cut));
    EXPECT_EQ(feed.seen(), "'a'?'bb'?'c'") << "cut at " << cut;
  }
}

TEST(FrameDecoder, GivesTheSameForBytesOneByOne) {
  Feed feed(16);
  for (const char byte : frame("a") + prefix(17) + std::string(17, 'x') + frame("c")) feed.bytes({&byte, 1});
  EXPECT_EQ(feed.seen(), "'a'?'c'");
}

TEST(FrameDecoder, TakesAFrameOfExactlyTheLimitAndRefusesOneByteMore) {
  Feed feed(16);
  feed.bytes(frame(std::string(16, 'x')));
  EXPECT_EQ(feed.seen(), "'xxxxxxxxxxxxxxxx'");
  feed.bytes(prefix(17));
  EXPECT_EQ(feed.seen(), "'xxxxxxxxxxxxxxxx'?");
}

TEST(FrameDecoder, AnswersAnOversizeFrameAtItsPrefixAndHoldsNothingOfItsBody) {
  Feed feed(1024);
  feed.bytes(prefix(1 << 20));
  EXPECT_EQ(feed.seen(), "?");
  for (int i = 0; i < 1024; ++i) feed.bytes(std::string(1024, 'x'));
  feed.bytes(frame("next"));
  EXPECT_EQ(feed.seen(), "?'next'");
  EXPECT_EQ(feed.largest_held(), 0u);
}

TEST(FrameDecoder, EndsTheStreamWhenTheAnnouncedBodyIsLongerThanAnybodySkips) {
  Feed skipped(1024);
  skipped.bytes(prefix(limits::kMaxSkippedFrameBytes));
  EXPECT_EQ(skipped.seen(), "?");
  Feed ended(1024);
  ended.bytes(prefix(limits::kMaxSkippedFrameBytes + 1) + frame("next"));
  EXPECT_EQ(ended.seen(), "!");
  ended.bytes(frame("more"));
  EXPECT_EQ(ended.seen(), "!");
  EXPECT_TRUE(ended.held().empty());
}

TEST(FrameDecoder, ReadsAnHttpRequestAsTheEndOfTheStream) {
  Feed feed(limits::kMaxFrameBytes);
  feed.bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(feed.seen(), "!");
}

TEST(FrameDecoder, SaysHowManyBytesTheNextEventNeeds) {
  Feed feed(64);
  EXPECT_EQ(feed.missing(), 4u);
  feed.bytes("\x05");
  EXPECT_EQ(feed.missing(), 3u);
  feed.bytes(std::string("\0\0\0", 3));
  EXPECT_EQ(feed.missing(), 5u);
  feed.bytes("EMP");
  EXPECT_EQ(feed.missing(), 2u);
  feed.bytes("TY");
  EXPECT_EQ(feed.seen(), "'EMPTY'");
  feed.bytes(prefix(100));
  EXPECT_EQ(feed.missing(), 100u);
}

TEST(FrameDecoder, FindsEveryFrameHoweverRandomReadsCutTheStream) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::string stream;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::uint32_t length = random() % 80;
    if (length == 0 || length > 64) {
      stream += prefix(length) + std::string(length, 'x');
      expected += "?";
    } else {
      const std::string text(length, static_cast<char>('a' + i % 26));
      stream += frame(text);
      expected += "'" + text + "'";
    }
  }
  Feed feed(64);
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = 1 + random() % 200;
    feed.bytes(stream.substr(at, size));
    at += size;
  }
  EXPECT_EQ(feed.seen(), expected);
  EXPECT_LE(feed.largest_held(), 64u + kFrameHeaderBytes);
}

}  // namespace
}  // namespace walrus::protocol
