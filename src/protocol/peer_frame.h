// Framing of the messages between nodes, documented in docs/protocol/peer.md (integers little-endian):
//
//   [u32 length][u32 crc32c] [u16 type][u8 kind][u64 call id][u32 header length][header][body]
//
// `length` and the CRC-32C cover everything behind the crc field. The header is a protobuf message of peer.proto, the
// body rides untouched. The CRC is there because a checksum of 16 bits (TCP's) is too weak for data that is kept.
//
// Failure: a length out of bounds, a CRC that does not match or an inside that does not add up is kCorrupt; nothing
// behind it on the same connection can be trusted. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace walrus::protocol {

inline constexpr std::size_t kPeerPrefixBytes = 8;  ///< length and crc
inline constexpr std::size_t kPeerFixedBytes = 15;  ///< type, kind, call id, header length

enum class PeerFrameKind : std::uint8_t {
  kOneWay = 0,
  kCall = 1,   ///< wants a reply with the same call id
  kReply = 2,  ///< answers the call with this id
};

/// Views into the frame.
struct PeerFrame {
  std::uint16_t type = 0;
  PeerFrameKind kind = PeerFrameKind::kOneWay;
  std::uint64_t call_id = 0;  ///< chosen by the caller, unique on its connection; 0 for one-way messages
  std::string_view header;
  std::string_view body;
};

/// Everything of the frame but the body, which is to be sent right behind it. kTooLarge above kMaxPeerMessageBytes.
Result<std::string> encode_peer_frame(const PeerFrame& frame);

/// Size of the whole frame that begins at `front`, 0 while its prefix is not there yet. kCorrupt when out of bounds.
Result<std::size_t> peer_frame_size(std::string_view front);

/// Decodes one whole frame, as long as peer_frame_size() says.
Result<PeerFrame> decode_peer_frame(std::string_view whole);

}  // namespace walrus::protocol
