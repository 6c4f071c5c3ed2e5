#include "tests/unit/storage/crash_points.h"

#include <gtest/gtest.h>

namespace walrus::storage {
namespace {

using test::CrashPointOptions;
using test::enumerate_crash_points;

void expect_clean(const test::CrashPointResult& result) {
  for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
  EXPECT_GT(result.acknowledged, 20u);
  std::printf("%lu points, %lu images, %lu records acknowledged\n", result.points, result.images, result.acknowledged);
}

TEST(CrashPoints, EveryPointOfAFixedRunLosesNothingAcknowledged) { expect_clean(enumerate_crash_points({.seed = 1})); }

TEST(CrashPoints, EveryPointOfARandomRunLosesNothingAcknowledged) {
  expect_clean(enumerate_crash_points({.seed = test::fresh_seed()}));
}

TEST(CrashPoints, RecoveryMayBeKilledAtEachOfItsPoints) {
  expect_clean(enumerate_crash_points({.seed = test::fresh_seed(), .steps = 25, .every = 4, .nested_every = 9}));
}

TEST(CrashPoints, OneWriteInFlightAtATime) {
  CrashPointOptions options{.seed = test::fresh_seed(), .every = 2};
  options.engine.wal_writes_in_flight = 1;
  expect_clean(enumerate_crash_points(options));
}

TEST(CrashPoints, AnAckBeforeTheSyncIsFound) {
  CrashPointOptions options{.seed = 1};
  options.engine.test_only_ack_before_sync = true;
  const auto result = enumerate_crash_points(options);
  EXPECT_FALSE(result.violations.empty()) << "the planted bug was not found in " << result.images << " images";
}

}  // namespace
}  // namespace walrus::storage
