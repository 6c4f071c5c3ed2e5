#include "protocol/peer_frame.h"

#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "base/limits.h"

namespace walrus::protocol {
namespace {

std::string whole(const PeerFrame& frame) { return encode_peer_frame(frame).value() + std::string(frame.body); }

TEST(PeerFrame, ComesBackAsItWasSent) {
  const std::string body(1000, '\0');
  const std::string bytes = whole({20, PeerFrameKind::kCall, 0x1122334455667788, "header", body});
  ASSERT_EQ(peer_frame_size(bytes), bytes.size());
  const auto frame = decode_peer_frame(bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, 20);
  EXPECT_EQ(frame->kind, PeerFrameKind::kCall);
  EXPECT_EQ(frame->call_id, 0x1122334455667788u);
  EXPECT_EQ(frame->header, "header");
  EXPECT_EQ(frame->body, body);
}

TEST(PeerFrame, HasTheseGoldenBytes) {
  const std::string bytes = whole({0x0203, PeerFrameKind::kReply, 5, "hd", "body"});
  const std::string fixed("\x15\0\0\0", 4);
  EXPECT_EQ(bytes.substr(0, 4), fixed);
  EXPECT_EQ(load_little<std::uint32_t>(bytes.data() + 4), 0x28c6db78u);
  EXPECT_EQ(bytes.substr(8), std::string("\x03\x02\x02\x05\0\0\0\0\0\0\0\x02\0\0\0hdbody", 21));
}

TEST(PeerFrame, SizeIsUnknownUntilThePrefixIsThere) {
  const std::string bytes = whole({1, PeerFrameKind::kOneWay, 0, "", ""});
  EXPECT_EQ(bytes.size(), kPeerPrefixBytes + kPeerFixedBytes);
  for (std::size_t size = 0; size < kPeerPrefixBytes; ++size) EXPECT_EQ(peer_frame_size(bytes.substr(0, size)), 0u);
  EXPECT_EQ(peer_frame_size(bytes.substr(0, kPeerPrefixBytes)), bytes.size());
}

TEST(PeerFrame, LengthOutOfBoundsIsCorrupt) {
  for (const std::uint32_t length : {std::uint32_t{0}, std::uint32_t{14},
                                     static_cast<std::uint32_t>(limits::kMaxPeerMessageBytes + 1), 0xffffffffu}) {
    std::string bytes;
    append_little(bytes, length);
    append_little(bytes, std::uint32_t{0});
    EXPECT_FALSE(peer_frame_size(bytes)) << length;
  }
}

TEST(PeerFrame, EveryFlippedBitIsFound) {
  const std::string bytes = whole({7, PeerFrameKind::kOneWay, 0, "header", "body"});
  for (std::size_t bit = 4 * 8; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_peer_frame(damaged)) << "bit " << bit;
  }
}

TEST(PeerFrame, TooLargeIsRefusedBeforeItIsSent) {
  const std::string body(limits::kMaxPeerMessageBytes, 'x');
  const auto bytes = encode_peer_frame({1, PeerFrameKind::kOneWay, 0, "", body});
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace walrus::protocol
