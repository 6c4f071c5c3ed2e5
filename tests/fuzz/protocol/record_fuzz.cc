// Records behind a text: decoding never reads outside, and what is accepted encodes to the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "protocol/record.h"

namespace protocol = walrus::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::string_view rest = bytes;
  std::string again;
  while (!rest.empty()) {
    const std::string_view before = rest;
    const auto record = protocol::take_record(rest);
    if (!record) break;
    WALRUS_ASSERT(rest.size() < before.size());
    WALRUS_ASSERT(before.size() - rest.size() == protocol::record_bytes(*record));
    WALRUS_ASSERT(protocol::append_record(again, *record).has_value());
    WALRUS_ASSERT(bytes.starts_with(again));
  }
  return 0;
}
