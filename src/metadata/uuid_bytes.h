// A Uuid as the 16 bytes (big-endian) of our messages.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"

namespace walrus::metadata {

inline std::string uuid_bytes(const Uuid& id) {
  std::string bytes(16, '\0');
  store_big(bytes.data(), id.high());
  store_big(bytes.data() + 8, id.low());
  return bytes;
}

/// The nil Uuid for anything but 16 bytes.
inline Uuid uuid_from_bytes(std::string_view bytes) {
  if (bytes.size() != 16) return Uuid();
  return Uuid(load_big<std::uint64_t>(bytes.data()), load_big<std::uint64_t>(bytes.data() + 8));
}

}  // namespace walrus::metadata
