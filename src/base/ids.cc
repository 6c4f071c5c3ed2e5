#include "base/ids.h"

#include <charconv>

namespace walrus {

Result<Uuid> Uuid::parse(std::string_view hex) {
  std::uint64_t parts[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    if (hex.size() != 32) break;
    const char* first = hex.data() + 16 * i;
    auto [end, error] = std::from_chars(first, first + 16, parts[i], 16);
    if (error != std::errc{} || end != first + 16) return fail(ErrorCode::kInvalidArgument, "not 32 hex digits");
  }
  if (hex.size() != 32) return fail(ErrorCode::kInvalidArgument, "not 32 hex digits");
  return Uuid(parts[0], parts[1]);
}

std::string Uuid::hex() const { return fmt::format("{:016x}{:016x}", high_, low_); }

}  // namespace walrus
