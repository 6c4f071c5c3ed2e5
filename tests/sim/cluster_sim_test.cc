// Whole clusters under faults, by seed. A red seed is repeated with --seed in walrus-sim.

#include <gtest/gtest.h>

#include "tests/sim/chaos.h"
#include "tests/sim/scenarios.h"

namespace walrus::sim {
namespace {

using namespace std::chrono_literals;

class ClusterSim : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ClusterSim, NothingAcknowledgedIsLostUnderKillsPowerCutsAndPartitions) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  const ChaosReport report = run_chaos({.seed = GetParam(), .nodes = 3, .duration = 30s});
  EXPECT_EQ(report.wrong, "");
  EXPECT_GT(report.acknowledged, 100u) << "the run must have done something";
  EXPECT_GT(report.faults, 3u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClusterSim, testing::Range<std::uint64_t>(1, 13));

TEST(ClusterSim, TheSameSeedGivesTheSameRun) {
  const ChaosOptions options{.seed = 99, .nodes = 3, .duration = 10s};
  const ChaosReport first = run_chaos(options);
  const ChaosReport second = run_chaos(options);
  EXPECT_EQ(first.fingerprint, second.fingerprint);
  EXPECT_EQ(first.acknowledged, second.acknowledged);
}

class Scenarios : public testing::TestWithParam<Scenario> {};

TEST_P(Scenarios, IsSurvived) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    EXPECT_EQ(run_scenario(GetParam(), seed), "") << GetParam().what << ", seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(F, Scenarios, testing::ValuesIn(scenarios()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace walrus::sim
