#include "cli/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <unistd.h>

namespace walrus::cli {
namespace {

constexpr auto kUpdateInterval = std::chrono::milliseconds(200);
constexpr double kShortestSeconds = 1e-6;  // a rate over less is no rate

}  // namespace

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t place = digits.size(); place > 3;) {
    place -= 3;
    digits.insert(place, ",");
  }
  return digits;
}

std::string as_bytes(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 999.95 && unit + 1 < kUnits.size()) {
    bytes /= 1'000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string rate_text(std::uint64_t records, std::uint64_t bytes, double seconds) {
  const double span = std::max(seconds, kShortestSeconds);
  return fmt::format("{} record{}, {} in {:.3f} s ({} records/s, {}/s)", with_commas(records), records == 1 ? "" : "s",
                     as_bytes(static_cast<double>(bytes)), seconds,
                     with_commas(static_cast<std::uint64_t>(std::llround(static_cast<double>(records) / span))),
                     as_bytes(static_cast<double>(bytes) / span));
}

Progress::Progress(Style style) : style_(style), live_(style == Style::kPlain && ::isatty(STDERR_FILENO) == 1) {}

void Progress::update(std::uint64_t records, std::uint64_t bytes, std::uint64_t total_bytes) {
  if (!live_ || Clock::now() < next_) return;
  next_ = Clock::now() + kUpdateInterval;
  const std::string share =
      total_bytes == 0
          ? ""
          : fmt::format(" {:3.0f} %", 100.0 * static_cast<double>(bytes) / static_cast<double>(total_bytes));
  fmt::print(stderr, "\r\x1b[K{}{}", rate_text(records, bytes, seconds()), share);
  std::fflush(stderr);
  shown_ = true;
}

void Progress::clear() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

}  // namespace walrus::cli
