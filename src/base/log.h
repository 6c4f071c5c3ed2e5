// Logging for people: one line per event, "time level message", to stderr or a file. Levels by `WALRUS_LOG`.
// Thread-safe. Never on the hot path. The formatting library is fmt; the sink behind it is spdlog (log.cc only).
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace walrus::log {

enum class Level { kTrace, kDebug, kInfo, kWarn, kError, kOff };

/// Parses "trace", "debug", "info", "warn", "error" or "off".
Result<Level> parse_level(std::string_view text);

/// Sends all that follows to `file` (appended; created) or, when empty, to stderr. Call once, at start.
Status configure(Level level, const std::string& file);

bool enabled(Level level);
void write(Level level, std::string_view message);
void flush();

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kWarn)) write(Level::kWarn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kError)) write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace walrus::log
