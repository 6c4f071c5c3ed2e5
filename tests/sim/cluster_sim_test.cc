// Whole clusters under faults, by seed. A red seed is repeated with --seed in walrus-sim.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/chaos.h"
#include "tests/sim/scenarios.h"
#include "tests/sim/shrink.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/workload.h"

namespace walrus::sim {
namespace {

using namespace std::chrono_literals;

class ClusterSim : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ClusterSim, NothingAcknowledgedIsLostUnderFaultsOfAllKinds) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  const ChaosReport report = run_chaos({.seed = GetParam(), .duration = 30s});
  EXPECT_EQ(report.wrong, "");
  EXPECT_GT(report.acknowledged, 100u) << "the run must have done something";
  EXPECT_GT(report.faults, 10u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClusterSim, testing::Range<std::uint64_t>(1, 13));

TEST(ClusterSim, TheSameSeedGivesTheSameTraceByteForByte) {
  std::string first;
  std::string second;
  const ChaosReport one = run_chaos({.seed = 99, .duration = 10s, .trace = &first});
  const ChaosReport two = run_chaos({.seed = 99, .duration = 10s, .trace = &second});
  EXPECT_EQ(one.fingerprint, two.fingerprint);
  EXPECT_EQ(one.acknowledged, two.acknowledged);
  EXPECT_GT(first.size(), 100'000u);
  EXPECT_TRUE(first == second) << "they part after " << std::ranges::mismatch(first, second).in1 - first.begin();
}

TEST(ClusterSim, AnotherSeedGivesAnotherTrace) {
  const ChaosReport one = run_chaos({.seed = 1, .duration = 2s});
  const ChaosReport two = run_chaos({.seed = 2, .duration = 2s});
  EXPECT_NE(one.fingerprint, two.fingerprint);
}

TEST(FaultPlan, EveryKindOfFaultIsDrawn) {
  std::set<FaultKind> drawn;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    for (const Fault& fault : draw_faults(seed, 5, 30s)) {
      drawn.insert(fault.kind);
      EXPECT_NE(describe(fault), "");
    }
  }
  EXPECT_EQ(drawn.size(), static_cast<std::size_t>(FaultKind::kAtMessage) + 1);
}

TEST(Shrink, LeavesExactlyTheFaultsThatItTakes) {
  const std::vector<Fault> all = draw_faults(7, 3, 60s);
  ASSERT_GT(all.size(), 20u);
  const std::uint64_t one = all[3].choice;
  const std::uint64_t other = all[17].choice;
  const auto needed = shrink(all, 1000, [&](const std::vector<Fault>& faults) {
    const auto has = [&](std::uint64_t choice) {
      return std::ranges::find(faults, choice, &Fault::choice) != faults.end();
    };
    return has(one) && has(other);
  });
  ASSERT_EQ(needed.size(), 2u);
  EXPECT_EQ(needed[0].choice, one);
  EXPECT_EQ(needed[1].choice, other);
}

TEST(Shrink, StopsWhenItsRunsAreUsedUp) {
  std::size_t runs = 0;
  const auto needed = shrink(draw_faults(7, 3, 60s), 5, [&](const std::vector<Fault>&) {
    ++runs;
    return false;
  });
  EXPECT_EQ(runs, 5u);
  EXPECT_EQ(needed.size(), draw_faults(7, 3, 60s).size());
}

/// One PUT at a node; what it was answered, or nothing within so long a virtual time.
std::optional<std::string> put(SimCluster& cluster, NodeId node, io::Duration patience) {
  struct Put : broker::AnswerSink {
    void answer(std::uint64_t, const broker::Answer& answer) override {
      text = answer.kind == broker::Answer::Kind::kOk ? "OK" : std::string(answer.payload);
    }
    void flush() override {}
    std::optional<std::string> text;
  };
  auto sink = std::make_shared<Put>();
  cluster.node(node)->requests().submit({.verb = protocol::Verb::kPut, .topic = "topic-0", .payload = "x"}, sink, 0);
  cluster.node(node)->requests().flush();
  cluster.world().run_until([&] { return sink->text.has_value(); }, patience);
  return sink->text;
}

TEST(ClusterSim, WithTwoOfThreeGoneEveryWriterHearsSoWithinFiveSecondsAndAllResumesWithOneBack) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster({.seed = seed});
    ASSERT_TRUE(cluster.form());
    Workload topics(cluster, {});
    ASSERT_TRUE(topics.prepare());
    const NodeId left(1 + seed % 3);
    ASSERT_EQ(put(cluster, left, 5s), "OK");
    std::vector<NodeId> gone = cluster.ids();
    std::erase(gone, left);
    for (const NodeId id : gone) cluster.kill_process(id);
    // At once, while the loss is being noticed, and when it is known.
    for (int i = 0; i < 8; ++i) {
      const auto answer = put(cluster, left, 5s);
      ASSERT_TRUE(answer) << "put " << i << " hears nothing";
      EXPECT_NE(*answer, "OK") << "put " << i;
      cluster.world().run_for(500ms);
    }
    cluster.restart(gone[seed % 2]);
    const io::TimePoint healed = cluster.world().now();
    while (put(cluster, left, 5s) != "OK" && cluster.world().now() < healed + 20s) cluster.world().run_for(100ms);
    EXPECT_LT(cluster.world().now(), healed + 10s);
  }
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
