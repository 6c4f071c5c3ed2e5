// How far a long command has come: a line on stderr that is rewritten while it runs, when stderr is a terminal, and the
// summary at its end, for people or as JSON. Main thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace walrus::cli {

/// "1234567" as "1,234,567".
std::string with_commas(std::uint64_t number);
/// "1.2 MB"; powers of 1000.
std::string as_bytes(double bytes);
/// "5,000 records, 1.2 MB in 0.350 s (14,286 records/s, 3.4 MB/s)".
std::string rate_text(std::uint64_t records, std::uint64_t bytes, double seconds);

class Progress {
 public:
  enum class Style : std::uint8_t { kPlain, kJson, kQuiet };

  explicit Progress(Style style);
  /// Rewrites the line, at most a few times a second. `total_bytes` 0: not known.
  void update(std::uint64_t records, std::uint64_t bytes, std::uint64_t total_bytes = 0);
  /// Takes the line away.
  void clear();
  double seconds() const;
  Style style() const { return style_; }

 private:
  using Clock = std::chrono::steady_clock;
  Style style_;
  bool live_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_;
};

}  // namespace walrus::cli
