#include "bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace walrus::bench {
namespace {

constexpr unsigned kLinearBits = 7;
constexpr std::uint64_t kLinear = 1U << kLinearBits;  // buckets per power of two
constexpr unsigned kValueBits = 40;
// Values below kLinear have a bucket each; every further power of two has kLinear buckets.
constexpr std::size_t kBuckets = (kValueBits - kLinearBits + 1) * kLinear;

std::size_t bucket_of(std::uint64_t value) {
  if (value < kLinear) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - kLinearBits - 1;
  const std::uint64_t within = (value >> shift) - kLinear;
  return std::min<std::size_t>((shift + 1) * kLinear + within, kBuckets - 1);
}

/// The greatest value that falls into a bucket.
std::uint64_t last_value_of(std::size_t bucket) {
  if (bucket < kLinear) return bucket;
  const std::size_t shift = bucket / kLinear - 1;
  return ((kLinear + bucket % kLinear + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_(kBuckets) {}

void Histogram::record(std::uint64_t value_ns) {
  ++buckets_[bucket_of(value_ns)];
  ++count_;
  sum_ += value_ns;
  min_ = std::min(min_, value_ns);
  max_ = std::max(max_, value_ns);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

std::optional<std::uint64_t> Histogram::percentile(double share) const {
  // Rounding keeps 0.99 from asking for 100.00000000000001 values.
  const auto needed = static_cast<std::uint64_t>(std::llround(1 / (1 - share)));
  if (count_ == 0 || count_ < needed) return std::nullopt;
  const auto rank =
      std::max<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_) - 1e-9)), 1);
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    below += buckets_[bucket];
    if (below >= rank) return bucket + 1 == kBuckets ? max_ : std::min(last_value_of(bucket), max_);
  }
  return max_;
}

}  // namespace walrus::bench
