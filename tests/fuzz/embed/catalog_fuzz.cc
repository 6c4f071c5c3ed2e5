// Any bytes may be given to the catalog as records, each behind a length of one byte. What is decoded is encoded to the
// same bytes; whatever was applied, the catalog's snapshot leads to the same catalog.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "embed/catalog.h"

namespace catalog = walrus::embed::catalog;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  walrus::embed::Catalog known;
  while (!rest.empty()) {
    const std::size_t length = std::min<std::size_t>(static_cast<unsigned char>(rest.front()), rest.size() - 1);
    const std::string_view bytes = rest.substr(1, length);
    rest.remove_prefix(1 + length);
    const auto record = catalog::decode(bytes);
    if (!record) continue;
    WALRUS_ASSERT(catalog::encode(*record) == bytes);
    (void)known.apply(*record);
  }
  walrus::embed::Catalog again;
  if (known.topics().empty()) return 0;
  for (const catalog::Record& record : known.snapshot()) {
    const auto decoded = catalog::decode(catalog::encode(record));
    WALRUS_ASSERT(decoded.has_value());
    WALRUS_ASSERT(again.apply(*decoded).has_value());
  }
  WALRUS_ASSERT(again.snapshot() == known.snapshot());
  return 0;
}
