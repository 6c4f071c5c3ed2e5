// CRC-32C (Castagnoli), as in RFC 3720 and Kafka's record batch v2. Computed by ISA-L.
#pragma once

#include <cstdint>
#include <string_view>

namespace walrus {

/// CRC of `bytes`; pass an earlier result as `crc` to go on from it.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace walrus
