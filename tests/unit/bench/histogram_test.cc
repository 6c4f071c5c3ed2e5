#include "bench/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace walrus::bench {
namespace {

/// The value at the rank, from all values sorted.
std::uint64_t exact_percentile(std::vector<std::uint64_t> values, double share) {
  std::ranges::sort(values);
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()) - 1e-9));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

TEST(Histogram, APercentileIsNeverBelowTheExactOneAndLessThanOnePercentAbove) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> latencies(12, 2);  // 160 us at the median, a tail to minutes
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 200'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(latencies(random)));
    histogram.record(values.back());
  }
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const std::uint64_t exact = exact_percentile(values, share);
    const auto told = histogram.percentile(share);
    ASSERT_TRUE(told) << share;
    EXPECT_GE(*told, exact) << share;
    EXPECT_LE(static_cast<double>(*told), static_cast<double>(exact) * (1 + 1.0 / 128)) << share;
  }
  EXPECT_EQ(histogram.max(), std::ranges::max(values));
  EXPECT_EQ(histogram.min(), std::ranges::min(values));
  EXPECT_EQ(histogram.count(), values.size());
}

TEST(Histogram, EveryPowerOfTwoAndItsNeighboursKeepTheErrorBound) {
  for (unsigned bit = 0; bit < 40; ++bit) {
    for (const std::uint64_t value : {(1ULL << bit) - 1, 1ULL << bit, (1ULL << bit) + 1}) {
      Histogram histogram;
      histogram.record(value);
      histogram.record(1ULL << 40);  // so that the greatest value does not cap the answer
      const auto told = histogram.percentile(0.5);
      ASSERT_TRUE(told);
      EXPECT_GE(*told, value);
      EXPECT_LE(*told - value, value / 128) << value;
    }
  }
}

TEST(Histogram, ValuesBeyondTheRangeAreStillCountedAndTheGreatestIsKept) {
  Histogram histogram;
  histogram.record(UINT64_C(1) << 50);
  histogram.record(UINT64_C(1) << 60);
  EXPECT_EQ(histogram.percentile(0.5), UINT64_C(1) << 60);
  EXPECT_EQ(histogram.max(), UINT64_C(1) << 60);
}

TEST(Histogram, TooFewValuesGiveNoPercentile) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(0.5), std::nullopt);
  for (int i = 0; i < 99; ++i) histogram.record(5);
  EXPECT_EQ(histogram.percentile(0.99), std::nullopt);
  histogram.record(5);
  EXPECT_EQ(histogram.percentile(0.99), 5U);
  EXPECT_EQ(histogram.percentile(0.999), std::nullopt);
}

TEST(Histogram, MergingIsTheSameAsRecordingInOne) {
  Histogram all;
  Histogram left;
  Histogram right;
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    all.record(i * i);
    (i % 3 == 0 ? left : right).record(i * i);
  }
  left.merge(right);
  EXPECT_EQ(left.count(), all.count());
  EXPECT_EQ(left.mean(), all.mean());
  EXPECT_EQ(left.min(), all.min());
  EXPECT_EQ(left.max(), all.max());
  for (const double share : {0.01, 0.5, 0.9, 0.999}) EXPECT_EQ(left.percentile(share), all.percentile(share));
}

}  // namespace
}  // namespace walrus::bench
