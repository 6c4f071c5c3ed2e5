#include "protocol/peer_frame.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/limits.h"

namespace walrus::protocol {

Result<std::string> encode_peer_frame(const PeerFrame& frame) {
  const std::size_t length = kPeerFixedBytes + frame.header.size() + frame.body.size();
  if (length > limits::kMaxPeerMessageBytes) return fail(ErrorCode::kTooLarge, "message between nodes");
  std::string bytes;
  bytes.reserve(kPeerPrefixBytes + kPeerFixedBytes + frame.header.size());
  bytes.resize(kPeerPrefixBytes);
  append_little(bytes, frame.type);
  append_little(bytes, static_cast<std::uint8_t>(frame.kind));
  append_little(bytes, frame.call_id);
  append_little(bytes, static_cast<std::uint32_t>(frame.header.size()));
  bytes.append(frame.header);
  const std::uint32_t head_crc = crc32c(std::string_view(bytes).substr(kPeerPrefixBytes));
  store_little(bytes.data(), static_cast<std::uint32_t>(length));
  store_little(bytes.data() + 4, crc32c(frame.body, head_crc));
  return bytes;
}

Result<std::size_t> peer_frame_size(std::string_view front) {
  if (front.size() < kPeerPrefixBytes) return 0;
  const std::size_t length = load_little<std::uint32_t>(front.data());
  if (length < kPeerFixedBytes || length > limits::kMaxPeerMessageBytes) {
    return fail(ErrorCode::kCorrupt, "length of a message between nodes: " + std::to_string(length));
  }
  return kPeerPrefixBytes + length;
}

Result<PeerFrame> decode_peer_frame(std::string_view whole) {
  WALRUS_ASSERT(whole.size() >= kPeerPrefixBytes + kPeerFixedBytes);
  const std::string_view covered = whole.substr(kPeerPrefixBytes);
  if (crc32c(covered) != load_little<std::uint32_t>(whole.data() + 4)) {
    return fail(ErrorCode::kCorrupt, "checksum of a message between nodes");
  }
  const char* field = covered.data();
  const auto kind = load_little<std::uint8_t>(field + 2);
  const std::size_t header_bytes = load_little<std::uint32_t>(field + 11);
  const std::string_view rest = covered.substr(kPeerFixedBytes);
  if (kind > static_cast<std::uint8_t>(PeerFrameKind::kReply) || header_bytes > rest.size()) {
    return fail(ErrorCode::kCorrupt, "shape of a message between nodes");
  }
  return PeerFrame{.type = load_little<std::uint16_t>(field),
                   .kind = static_cast<PeerFrameKind>(kind),
                   .call_id = load_little<std::uint64_t>(field + 3),
                   .header = rest.substr(0, header_bytes),
                   .body = rest.substr(header_bytes)};
}

}  // namespace walrus::protocol
