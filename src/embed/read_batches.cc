#include "embed/read_batches.h"

#include <algorithm>

#include "storage/record_batch.h"

namespace walrus::embed {
namespace {

constexpr std::uint16_t kCompressionMask = 0x07;

}  // namespace

Result<std::shared_ptr<const ReadBatches>> make_read_batches(storage::Batches batches, Offset from) {
  auto read = std::make_shared<ReadBatches>();
  read->from = read->end = from;
  for (const SharedBytes& batch : batches) {
    WALRUS_ASSIGN(const storage::BatchHeader header, storage::parse_batch_header(batch.view()));
    if ((header.attributes & kCompressionMask) != 0) return fail(ErrorCode::kUnsupported, "compressed records");
    if (read->bytes == 0) read->from = std::max(from, header.base_offset);
    read->end = header.end_offset();
    read->bytes += batch.size();
  }
  read->batches = std::move(batches);
  return read;
}

}  // namespace walrus::embed
