#include "base/sync_policy.h"

#include <fmt/core.h>

#include <charconv>

namespace walrus {

Result<SyncPolicy> parse_sync_policy(std::string_view text) {
  constexpr std::string_view kInterval = "interval:";
  constexpr std::uint32_t kMostMs = 3'600'000;
  if (text == "always") return SyncPolicy{};
  if (text == "never") return SyncPolicy{.kind = SyncPolicy::Kind::kNever};
  if (text.starts_with(kInterval)) {
    const std::string_view digits = text.substr(kInterval.size());
    std::uint32_t ms = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ms);
    if (error == std::errc{} && end == digits.data() + digits.size() && ms >= 1 && ms <= kMostMs) {
      return SyncPolicy{.kind = SyncPolicy::Kind::kInterval, .interval = std::chrono::milliseconds(ms)};
    }
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("fsync policy \"{}\": always, interval:<ms> or never", text));
}

std::string to_string(SyncPolicy policy) {
  switch (policy.kind) {
    case SyncPolicy::Kind::kAlways:
      return "always";
    case SyncPolicy::Kind::kInterval:
      return fmt::format("interval:{}", policy.interval.count());
    case SyncPolicy::Kind::kNever:
      return "never";
  }
  return "always";
}

}  // namespace walrus
