#include "controller/planner.h"

#include <gtest/gtest.h>

#include "metadata/cluster_state.h"
#include "metadata/uuid_bytes.h"

namespace walrus::controller {
namespace {

using metadata::NodeState;
using namespace std::chrono_literals;

constexpr NodeId kSelf{1};
constexpr NodeId kOther{2};

class PlannerTest : public testing::Test {
 protected:
  PlannerTest() {
    for (std::uint64_t node : {1u, 2u}) {
      metadata::Command command;
      auto& upsert = *command.mutable_upsert_node();
      upsert.set_node_id(node);
      upsert.set_disk_id(metadata::uuid_bytes(Uuid(node, node)));
      upsert.set_raft_id(node * 100);
      apply(command);
    }
    liveness_.reset(at(0ms));
  }

  static io::TimePoint at(io::Duration since_start) { return io::TimePoint(since_start); }
  void apply(const metadata::Command& command) { ASSERT_TRUE(state_.apply(++index_, command)); }
  std::vector<metadata::Command> plan(io::Duration now) {
    return plan_node_states(*state_.view(), liveness_, kSelf, at(now));
  }

  metadata::ClusterState state_;
  metadata::Version index_ = 0;
  Liveness liveness_{1s};
};

TEST_F(PlannerTest, GivesANodeNeverHeardOfOnePeriodOfGrace) {
  EXPECT_TRUE(plan(999ms).empty());
  const auto commands = plan(1001ms);
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0].set_node_state().node_id(), kOther.value());
  EXPECT_EQ(commands[0].set_node_state().state(), static_cast<std::uint32_t>(NodeState::kDown));
}

TEST_F(PlannerTest, LeavesANodeThatSpeaksAlone) {
  liveness_.heard(kOther, at(5s));
  EXPECT_TRUE(plan(5900ms).empty());
}

TEST_F(PlannerTest, MarksASilentNodeDownOnceAndUpAgainWhenItSpeaks) {
  liveness_.heard(kOther, at(1s));
  auto commands = plan(2100ms);
  ASSERT_EQ(commands.size(), 1u);
  apply(commands[0]);
  EXPECT_TRUE(plan(3s).empty());
  liveness_.heard(kOther, at(4s));
  commands = plan(4100ms);
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0].set_node_state().state(), static_cast<std::uint32_t>(NodeState::kUp));
}

TEST_F(PlannerTest, NeverMarksItselfDownAndBringsItselfBack) {
  liveness_.heard(kOther, at(10s));
  EXPECT_TRUE(plan(10s).empty());
  metadata::Command down;
  down.mutable_set_node_state()->set_node_id(kSelf.value());
  down.mutable_set_node_state()->set_disk_id(metadata::uuid_bytes(Uuid(1, 1)));
  down.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(NodeState::kDown));
  apply(down);
  const auto commands = plan(10s);
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0].set_node_state().node_id(), kSelf.value());
}

TEST_F(PlannerTest, ANewLeaderForgetsWhatItHeardLongAgo) {
  liveness_.heard(kOther, at(1s));
  liveness_.reset(at(60s));
  EXPECT_TRUE(plan(60500ms).empty());
  EXPECT_EQ(plan(61100ms).size(), 1u);
}

class PlanSeals : public testing::Test {
 protected:
  PlanSeals() {
    for (std::uint64_t node = 1; node <= 3; ++node) {
      metadata::Command command;
      auto& upsert = *command.mutable_upsert_node();
      upsert.set_node_id(node);
      upsert.set_disk_id(metadata::uuid_bytes(Uuid(node, node)));
      upsert.set_raft_id(node * 100);
      apply(command);
    }
  }
  void apply(const metadata::Command& command) { ASSERT_TRUE(state_.apply(++index_, command)); }
  void create(const char* name, std::uint32_t replicas) {
    metadata::Command command;
    command.mutable_create_topic()->set_name(name);
    command.mutable_create_topic()->set_replicas(replicas);
    apply(command);
  }
  void set_state(std::uint64_t node, NodeState state) {
    metadata::Command command;
    command.mutable_set_node_state()->set_node_id(node);
    command.mutable_set_node_state()->set_disk_id(metadata::uuid_bytes(Uuid(node, node)));
    command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(state));
    apply(command);
  }
  std::vector<metadata::Command> plan() { return plan_seals(*state_.view(), 100); }

  metadata::ClusterState state_;
  metadata::Version index_ = 0;
};

TEST_F(PlanSeals, LeavesHealthySegmentsAndLoneReplicasAlone) {
  create("replicated", 3);
  create("lone", 1);  // led by node 2
  EXPECT_TRUE(plan().empty());
  set_state(2, NodeState::kDown);
  EXPECT_TRUE(plan().empty());
}

TEST_F(PlanSeals, GivesALostLeadersSegmentToAReplicaThatIsUp) {
  create("logs", 3);
  set_state(1, NodeState::kDown);
  set_state(2, NodeState::kDown);
  const auto commands = plan();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0].begin_seal().recoverer(), 3u);
  apply(commands[0]);
  EXPECT_TRUE(plan().empty()) << "it is being worked on";
}

TEST_F(PlanSeals, ReplacesARecovererThatIsLost) {
  create("logs", 3);
  set_state(1, NodeState::kDown);
  apply(plan().at(0));
  set_state(2, NodeState::kDown);
  const auto commands = plan();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0].begin_seal().recoverer(), 3u);
  apply(commands[0]);
  EXPECT_EQ(state_.view()->find_topic("logs")->last().recoverer, NodeId(3));
}

TEST_F(PlanSeals, ANodeWithAFreshDiskNeitherLeadsNorRecoversWhatWasOpenBefore) {
  create("logs", 3);
  for (const std::uint64_t node : {1u, 2u}) {
    set_state(node, NodeState::kDown);
    metadata::Command wiped;
    auto& upsert = *wiped.mutable_upsert_node();
    upsert.set_node_id(node);
    upsert.set_disk_id(metadata::uuid_bytes(Uuid(99, node)));
    upsert.set_raft_id(9900 + node);
    apply(wiped);
  }
  const auto commands = plan();
  ASSERT_EQ(commands.size(), 1u) << "its leader is up, but knows nothing";
  EXPECT_EQ(commands[0].begin_seal().recoverer(), 3u);
}

TEST_F(PlanSeals, WaitsWhenNoReplicaIsUp) {
  create("logs", 2);
  set_state(1, NodeState::kDown);
  set_state(2, NodeState::kDown);
  EXPECT_TRUE(plan().empty());
}

}  // namespace
}  // namespace walrus::controller
