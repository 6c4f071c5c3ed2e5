#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <climits>

namespace walrus {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
  crc = ~crc;
  while (!bytes.empty()) {
    const auto length = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
    // The function only reads; its parameter is not const in ISA-L 2.30.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, length, crc);
    bytes.remove_prefix(static_cast<std::size_t>(length));
  }
  return ~crc;
}

}  // namespace walrus
