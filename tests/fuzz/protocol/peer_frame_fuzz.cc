// A frame between nodes: decoding never reads outside, and what is accepted encodes to the same bytes. The input is
// taken with its own CRC and, so that the inside is reached too, once more with a correct one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "protocol/peer_frame.h"

namespace protocol = walrus::protocol;

namespace {

void check(const std::string& bytes) {
  const auto size = protocol::peer_frame_size(bytes);
  if (!size || *size == 0 || *size > bytes.size()) return;
  const std::string whole = bytes.substr(0, *size);
  const auto frame = protocol::decode_peer_frame(whole);
  if (!frame) return;
  const auto again = protocol::encode_peer_frame(*frame);
  WALRUS_ASSERT(again && *again + std::string(frame->body) == whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  if (bytes.size() < protocol::kPeerPrefixBytes + protocol::kPeerFixedBytes) return 0;
  const auto length = static_cast<std::uint32_t>(bytes.size() - protocol::kPeerPrefixBytes);
  walrus::store_little(bytes.data(), length);
  walrus::store_little(bytes.data() + 4, walrus::crc32c(std::string_view(bytes).substr(protocol::kPeerPrefixBytes)));
  check(bytes);
  return 0;
}
