// Latencies in nanoseconds, counted in buckets whose width grows with the value: log-linear, as in HdrHistogram
// (http://hdrhistogram.org). 128 buckets per power of two: a percentile is at most 1/128 (0.8 %) above the exact one
// and never below it; count, mean, least and greatest value are exact. Values up to 2^40 ns (18 minutes) are told
// apart, longer ones share the last bucket. 35 KiB, no allocation after construction. One thread; merge() joins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace walrus::bench {

class Histogram {
 public:
  Histogram();

  void record(std::uint64_t value_ns);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const { return max_; }
  double mean() const { return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_); }

  /// The value that `share` (0 < share < 1) of all values do not exceed. Nothing when there are too few values to say:
  /// p99.9 needs 1,000.
  std::optional<std::uint64_t> percentile(double share) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
};

}  // namespace walrus::bench
