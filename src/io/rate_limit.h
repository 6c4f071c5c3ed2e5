// Spreads work over time: so many bytes a second, however many share it. Pure: time comes in as an argument.
// One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "io/loop.h"

namespace walrus::io {

class RateLimit {
 public:
  /// 0: no limit.
  explicit RateLimit(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  /// `bytes` were moved. How long to wait before the next ones.
  Duration charge(std::size_t bytes, TimePoint now) {
    if (bytes_per_second_ == 0) return Duration(0);
    constexpr std::uint64_t kNanoseconds = 1'000'000'000;
    const auto cost = static_cast<std::int64_t>(bytes * kNanoseconds / bytes_per_second_);
    free_at_ = std::max(free_at_, now) + Duration(cost);
    return free_at_ - now;
  }

 private:
  std::uint64_t bytes_per_second_;
  TimePoint free_at_{};
};

}  // namespace walrus::io
