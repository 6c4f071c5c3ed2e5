// Recovery of a log with arbitrary content. Most inputs would fail at the first CRC: a group whose flags have the high
// bit gets a right one, and an entry whose kind has the high bit sane numbers, so that all of the decisions behind are
// reached. Whatever it finds, recovery must end, a second one must have nothing to do, and what is left must be
// readable.
#include <cstddef>
#include <cstdint>
#include <string>

#include "sim_node.h"
#include "storage/layout.h"
#include "storage/wal_format.h"

namespace storage = walrus::storage;
namespace wal = walrus::storage::wal;

namespace {

constexpr std::uint16_t kReseal = 0x8000;
constexpr std::uint32_t kMostPosition = 0xffff;  // holes are walked: keep them short

void tame_entries(char* group, wal::GroupHeader& header) {
  std::size_t at = wal::kGroupHeaderBytes;
  const std::size_t end = at + header.payload_bytes;
  header.entries = 0;
  while (at + wal::kEntryHeaderBytes <= end) {
    char* entry = group + at;
    const auto position = walrus::load_little<std::uint64_t>(entry + 24) & kMostPosition;
    const auto length = walrus::load_little<std::uint32_t>(entry + 32);
    if (length > end - at - wal::kEntryHeaderBytes) break;
    walrus::store_little<std::uint64_t>(entry + 24, position);
    at += wal::kEntryHeaderBytes + length;
    ++header.entries;
  }
  header.payload_bytes = static_cast<std::uint32_t>(at - wal::kGroupHeaderBytes);
}

void reseal(std::string& file) {
  std::uint32_t last_crc = 0;
  for (std::size_t at = 0; at + wal::kBlockBytes <= file.size(); at += wal::kBlockBytes) {
    auto header = wal::peek_group(std::string_view(file).substr(at));
    if (!header || (header->flags & kReseal) == 0 || header->size() > file.size() - at) continue;
    header->flags = static_cast<std::uint16_t>(header->flags & ~kReseal);
    header->log_id = 9;
    header->previous_crc ^= last_crc;
    tame_entries(file.data() + at, *header);
    if (header->size() > file.size() - at) continue;
    wal::seal_group(file.data() + at, *header);
    last_crc = header->crc;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  bytes.resize((bytes.size() + wal::kBlockBytes - 1) / wal::kBlockBytes * wal::kBlockBytes);
  reseal(bytes);
  storage::fuzz::SimNode node;
  const std::string directory = storage::layout::wal_directory(storage::fuzz::kNode, 0);
  // The input is one file, or two that are cut at a block.
  const std::size_t cut = data[0] % (bytes.size() / wal::kBlockBytes + 1) * wal::kBlockBytes;
  node.put(storage::layout::wal_slot(directory, 1), bytes.substr(0, cut));
  node.put(storage::layout::wal_slot(directory, 2), bytes.substr(cut));
  if (data[1] % 4 != 0) {
    node.put(storage::layout::wal_checkpoint(directory),
             wal::encode_checkpoint({.log_id = 9, .first_file = 1, .first_group = 1}));
  }
  if (storage::recover(node.disk(), storage::fuzz::kNode)) {
    const auto again = storage::recover(node.disk(), storage::fuzz::kNode);
    WALRUS_ASSERT(again && again->batches_replayed == 0);
    node.read_everything();
  }
  return 0;
}
