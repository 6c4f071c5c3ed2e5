// Pseudo-random numbers for simulation and tests: the same seed gives the same numbers on every machine. Not for
// secrets, and not for ids that must differ between processes (Loop::random() is the source for those). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include "base/assert.h"
#include "io/loop.h"

namespace walrus::io {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }

  /// Uniform in [0, bound); `bound` > 0. The bias of the remainder is below 2^-32 for the bounds that tests use.
  std::uint64_t below(std::uint64_t bound) {
    WALRUS_ASSERT(bound > 0);
    return engine_() % bound;
  }
  /// Uniform in [low, high], both included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    WALRUS_ASSERT(low <= high);
    return low + (high - low == UINT64_MAX ? engine_() : below(high - low + 1));
  }
  Duration between(Duration low, Duration high) {
    WALRUS_ASSERT(low <= high);
    return low + Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }
  /// True with this probability.
  bool chance(double probability) { return static_cast<double>(engine_() >> 11) * 0x1p-53 < probability; }

  /// A generator of its own for one part of a run, so that more draws there do not change the numbers elsewhere.
  Random fork() { return Random(engine_()); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace walrus::io
