// The embedded store promises what it promises over power cuts, too: see tests/unit/embed/power_cuts.h. With
// WALRUS_POWER_CUT_RUNS=n, n programs are looked at, at every change that they make to the disk (ten minutes each).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "base/log.h"
#include "tests/unit/embed/power_cuts.h"

namespace walrus::test {
namespace {

std::uint64_t fresh_seed() {
  if (const char* given = std::getenv("WALRUS_TEST_SEED")) return std::stoull(given);
  return std::random_device{}();
}

class PowerCutTest : public testing::Test {
 protected:
  // Recovery says what it does, and here it does it a thousand times.
  static void SetUpTestSuite() { (void)log::configure(log::Level::kOff, {}); }
};

void expect_clean(const PowerCutOptions& options) {
  const PowerCutResult result = enumerate_power_cuts(options);
  EXPECT_THAT(result.errors, testing::IsEmpty()) << "seed " << options.seed;
  EXPECT_THAT(result.violations, testing::IsEmpty());
  EXPECT_GT(result.points, 10u);
  std::printf("seed %llu: %llu changes, %llu points, %llu images, %llu of them inside an opening\n",
              static_cast<unsigned long long>(options.seed), static_cast<unsigned long long>(result.changes),
              static_cast<unsigned long long>(result.points), static_cast<unsigned long long>(result.images),
              static_cast<unsigned long long>(result.nested));
}

TEST_F(PowerCutTest, NothingThatWasAcknowledgedIsLostAndNothingElseAppears) {
  const char* runs = std::getenv("WALRUS_POWER_CUT_RUNS");
  const std::uint64_t seed = fresh_seed();
  if (runs == nullptr) return expect_clean({.seed = seed, .every = 25});
  for (std::uint64_t i = 0; i < std::stoull(runs); ++i) expect_clean({.seed = seed + i, .nested_every = 500});
}

TEST_F(PowerCutTest, APowerCutWhileTheStoreIsOpenedTakesNothingEither) {
  expect_clean({.seed = fresh_seed(), .steps = 30, .every = 47, .nested_every = 41});
}

/// By the first program, as a rule; which changes it makes depends on how its threads meet.
TEST_F(PowerCutTest, APlantedAckBeforeSyncIsFound) {
  std::vector<std::string> violations;
  for (std::uint64_t program = 0; program < 5 && violations.empty(); ++program) {
    violations = enumerate_power_cuts(
                     {.seed = fresh_seed() + program, .steps = 20, .every = 11, .planted_ack_before_sync = true})
                     .violations;
  }
  EXPECT_THAT(violations, testing::Not(testing::IsEmpty()));  // a record, a cursor's place or a catalog is missing
}

}  // namespace
}  // namespace walrus::test
