// Any bytes may be given to the batch's readers. What they accept must be consistent: views inside the batch, dense
// offsets, as many records as the header says, and the same records when they are written again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "storage/record_batch.h"

namespace storage = walrus::storage;

namespace {

void check_inside(std::string_view batch, std::string_view view) {
  WALRUS_ASSERT(view.empty() || (view.data() >= batch.data() && view.end() <= batch.end()));
}

void walk(std::string_view batch) {
  storage::BatchReader reader(batch);
  storage::BatchBuilder builder;
  std::uint32_t count = 0;
  while (true) {
    const auto record = reader.next();
    if (!record) return;
    if (!*record) break;
    check_inside(batch, (*record)->value);
    if ((*record)->key) check_inside(batch, *(*record)->key);
    WALRUS_ASSERT((*record)->offset == reader.header().base_offset + count);
    builder.add((*record)->key, (*record)->value, {}, (*record)->timestamp_ms);
    ++count;
  }
  WALRUS_ASSERT(count == reader.header().records);
  WALRUS_ASSERT(storage::check_batch(builder.finish(reader.header().base_offset)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto header = storage::parse_batch_header(bytes);
  if (header) {
    WALRUS_ASSERT(header->size <= bytes.size() && header->records > 0);
    WALRUS_ASSERT(header->end_offset() > header->base_offset);
  }
  if (storage::check_batch(bytes)) WALRUS_ASSERT(header && header->size == bytes.size());
  walk(bytes);
  return 0;
}
