// The whole service under faults: what was acknowledged is there on every node, what was said to be surely not carried
// out is on none.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/metadata/service_cluster.h"
#include "tests/unit/metadata/test_seed.h"

namespace walrus::metadata::test {
namespace {

using namespace std::chrono_literals;

class Load {
 public:
  Load(ServiceCluster& cluster, std::uint64_t seed) : cluster_(cluster), random_(seed) {}

  void propose_somewhere() {
    const std::uint64_t at = 1 + random_.below(cluster_.nodes.size());
    ServiceNode& node = cluster_.node(at);
    if (!node.up() || node.loop->paused()) return;
    const std::string name = fmt::format("t{}", ++asked);
    node.service->client().propose(create_topic_command(name), [this, name](Result<Applied> result) {
      if (result) {
        EXPECT_TRUE(result->status || result->status.error().code == ErrorCode::kUnavailable);
        if (result->status) acknowledged.insert(name);
      } else if (result.error().code != ErrorCode::kOutcomeUnknown) {
        surely_not.insert(name);
      }
    });
  }

  void one_fault() {
    const std::uint64_t at = 1 + random_.below(cluster_.nodes.size());
    ServiceNode& node = cluster_.node(at);
    switch (random_.below(8)) {
      case 0:
      case 1:
        if (node.up()) cluster_.crash(at, io::kAllCrashModels[random_.below(4)]);
        break;
      case 2:
        if (node.up()) node.loop->pause();
        break;
      case 3:
        cluster_.network.isolate(NodeId(at));
        break;
      case 4:
        cluster_.network.cut(NodeId(at), NodeId(1 + random_.below(cluster_.nodes.size())));
        break;
      case 5:
        if (node.up() && !node.loop->paused()) node.service->step_down();
        break;
      default:
        mend();
    }
  }

  void mend() {
    cluster_.network.heal_all();
    for (auto& [id, node] : cluster_.nodes) {
      if (node->up() && node->loop->paused()) node->loop->resume();
      if (!node->up()) ASSERT_TRUE(cluster_.start(id)) << node->open_error->message();
    }
  }

  std::uint64_t asked = 0;
  std::set<std::string> acknowledged;
  std::set<std::string> surely_not;

 private:
  ServiceCluster& cluster_;
  io::Random random_;
};

TEST(ServiceFaults, answers_tell_the_truth) {
  const std::uint64_t first_seed = test_seed();
  std::size_t acknowledged = 0, surely_not = 0, unknown = 0;
  for (std::uint64_t round = 0; round < 8 && !testing::Test::HasFailure(); ++round) {
    const std::uint64_t seed = first_seed + round;
    SCOPED_TRACE(fmt::format("seed {} (round {})", seed, round));
    ServiceCluster cluster(seed);
    cluster.network.set_loss(0.005);
    cluster.form(3 + round % 3);
    Load load(cluster, seed);
    for (int i = 0; i < 60; ++i) {
      load.one_fault();
      for (int n = 0; n < 20; ++n) {
        load.propose_somewhere();
        cluster.world.run_for(cluster.world.random().between(io::Duration(100us), io::Duration(30ms)));
      }
    }
    load.mend();
    cluster.world.run_for(6s);  // longer than any proposal lives
    ASSERT_TRUE(cluster.run_until([&] { return cluster.agree(); }, 30s));
    for (auto& [id, node] : cluster.nodes) {
      ASSERT_FALSE(node->failure) << node->failure->message();
      for (const std::string& name : load.acknowledged)
        EXPECT_TRUE(node->view()->find_topic(name)) << name << " is lost";
      for (const std::string& name : load.surely_not) {
        EXPECT_FALSE(node->view()->find_topic(name)) << name << " was said not to be carried out";
      }
    }
    acknowledged += load.acknowledged.size();
    surely_not += load.surely_not.size();
    unknown += load.asked - load.acknowledged.size() - load.surely_not.size();
  }
  fmt::print("{} acknowledged, {} surely not, {} unknown or their node died\n", acknowledged, surely_not, unknown);
  EXPECT_GT(acknowledged, 2000u);
  EXPECT_GT(surely_not, 20u);
  EXPECT_GT(unknown, 20u);
}

TEST(ServiceFaults, a_snapshot_of_many_parts_reaches_a_node_through_a_bad_network) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ServiceCluster cluster(seed);
  cluster.form(3);
  const std::uint64_t away = cluster.await_leader()->id == NodeId(3) ? 2 : 3;
  cluster.crash(away);
  int answered = 0;
  constexpr int kTopics = 12'000;
  const std::uint64_t at = away == 3 ? 2 : 3;
  for (int i = 0; i < kTopics; ++i) {
    // Long names: the state outgrows one message, and the log what is kept behind a snapshot.
    cluster.node(at).service->client().propose(create_topic_command(fmt::format("{:0>240}", i)),
                                               [&](Result<Applied> result) { answered += result.has_value(); });
    if (i % 500 == 499) ASSERT_TRUE(cluster.run_until([&] { return answered == i + 1; })) << answered;
  }
  cluster.network.set_loss(0.02);
  ASSERT_TRUE(cluster.start(away));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.node(away).service->ready() && cluster.agree(); }, 120s));
  EXPECT_EQ(cluster.node(away).view()->topic_count(), static_cast<std::size_t>(kTopics));
}

}  // namespace
}  // namespace walrus::metadata::test
