// Opening and reading a segment whose files hold arbitrary bytes. A batch whose attributes have the high bit gets a
// right CRC first. The first two bytes say how long the segment file is; the rest is its index.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/crc32c.h"
#include "sim_node.h"
#include "storage/layout.h"

namespace storage = walrus::storage;

namespace {

void reseal(std::string& log) {
  std::size_t at = 0;
  while (at < log.size()) {
    const auto header = storage::parse_batch_header(std::string_view(log).substr(at));
    if (!header) return;
    if ((header->attributes & 0x8000) != 0) {
      const auto crc = walrus::crc32c(std::string_view(log).substr(at + 21, header->size - 21));
      walrus::store_big<std::uint32_t>(log.data() + at + 17, crc);
    }
    at += header->size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t cut = std::min<std::size_t>(bytes.size(), data[0] + 256u * data[1]);
  std::string log(bytes.substr(0, cut));
  reseal(log);
  const storage::SegmentKey key{walrus::TopicId(5), walrus::SegmentId(6)};
  storage::fuzz::SimNode node;
  node.put(storage::layout::segment_log(storage::fuzz::kNode, key), log);
  if (cut < bytes.size()) node.put(storage::layout::segment_index(storage::fuzz::kNode, key), bytes.substr(cut));
  node.read_everything();
  return 0;
}
