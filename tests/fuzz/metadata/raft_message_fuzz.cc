// A message between Raft members: two bytes of header size, the protobuf header, the body. What is accepted encodes and
// decodes to the same again, and so does each piece that the guards and the size limit cut it into.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "metadata/raft_message.h"
#include "peer.pb.h"

namespace metadata = walrus::metadata;
namespace io = walrus::io;

namespace {

void check_pieces(const metadata::RaftMessage& whole, std::vector<metadata::RaftMessage> pieces) {
  std::uint64_t index = whole.index;
  std::size_t entries = 0;
  for (const metadata::RaftMessage& piece : pieces) {
    WALRUS_ASSERT(piece.index == index);
    WALRUS_ASSERT(metadata::decode_message(metadata::encode_message(piece)).has_value());
    index += piece.entries.size();
    for (const metadata::RaftEntry& entry : piece.entries) WALRUS_ASSERT(entry == whole.entries[entries++]);
  }
  WALRUS_ASSERT(entries == whole.entries.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size < 2) return 0;
  const std::size_t header_size = std::min<std::size_t>(walrus::load_little<std::uint16_t>(input.data()), size - 2);
  const io::Message message{.type = walrus::peer::RAFT,
                            .header = std::string(input.substr(2, header_size)),
                            .body = walrus::SharedBytes(std::string(input.substr(2 + header_size)))};
  const auto decoded = metadata::decode_message(message);
  if (!decoded) return 0;
  const io::Message encoded = metadata::encode_message(*decoded);
  const auto again = metadata::decode_message(encoded);
  WALRUS_ASSERT(again.has_value());
  const io::Message twice = metadata::encode_message(*again);
  WALRUS_ASSERT(twice.header == encoded.header && twice.body.view() == encoded.body.view());
  if (decoded->type != metadata::RaftMessage::Type::kAppendEntries) return 0;
  const auto pieces = metadata::split_at_membership(*decoded);
  check_pieces(*decoded, pieces);
  for (const auto& piece : pieces) {
    for (std::size_t i = 1; i < piece.entries.size(); ++i) {
      WALRUS_ASSERT(piece.entries[i].type != metadata::EntryType::kChange);
    }
    WALRUS_ASSERT(metadata::limited_commit(piece, 5) <= std::max<std::uint64_t>(5, piece.index + piece.entries.size()));
  }
  check_pieces(*decoded, metadata::split_by_size(*decoded));
  return 0;
}
