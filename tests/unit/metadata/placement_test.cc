#include "metadata/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metadata/cluster_state.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {
namespace {

using testing::ElementsAre;

class Placement : public testing::Test {
 protected:
  Placement() {
    for (std::uint64_t node = 1; node <= 4; ++node) join(node, node);
  }
  void apply(const Command& command) { ASSERT_TRUE(state_.apply(++index_, command)); }
  void join(std::uint64_t node, std::uint64_t disk) {
    Command command;
    command.mutable_upsert_node()->set_node_id(node);
    command.mutable_upsert_node()->set_disk_id(uuid_bytes(Uuid(disk, disk)));
    command.mutable_upsert_node()->set_raft_id(100 + disk);
    apply(command);
  }
  void set_state(std::uint64_t node, NodeState state) {
    Command command;
    command.mutable_set_node_state()->set_node_id(node);
    command.mutable_set_node_state()->set_disk_id(uuid_bytes(Uuid(node, node)));
    command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(state));
    apply(command);
  }
  void drain(std::uint64_t node) {
    Command command;
    command.mutable_set_draining()->set_node_id(node);
    command.mutable_set_draining()->set_disk_id(uuid_bytes(Uuid(node, node)));
    command.mutable_set_draining()->set_draining(true);
    apply(command);
  }
  void create(std::uint32_t replicas) {
    Command command;
    command.mutable_create_topic()->set_name("logs");
    command.mutable_create_topic()->set_replicas(replicas);
    apply(command);
  }
  std::vector<NodeId> order(std::uint64_t behind) { return placement_order(state_.view()->nodes(), NodeId(behind)); }
  bool better() { return better_placed_anew(*state_.view(), *state_.view()->find_topic("logs")); }

  ClusterState state_;
  Version index_ = 0;
};

TEST_F(Placement, GoesRoundTheNodesThatAreUp) {
  EXPECT_THAT(order(2), ElementsAre(NodeId(3), NodeId(4), NodeId(1), NodeId(2)));
  EXPECT_THAT(order(9), ElementsAre(NodeId(1), NodeId(2), NodeId(3), NodeId(4)));
  set_state(3, NodeState::kDown);
  EXPECT_THAT(order(2), ElementsAre(NodeId(4), NodeId(1), NodeId(2)));
}

TEST_F(Placement, LeavesOutDrainingNodesUnlessThereAreNoOthers) {
  drain(1);
  drain(3);
  EXPECT_THAT(order(2), ElementsAre(NodeId(4), NodeId(2)));
  set_state(2, NodeState::kDown);
  set_state(4, NodeState::kDown);
  EXPECT_THAT(order(2), ElementsAre(NodeId(3), NodeId(1)));
}

TEST_F(Placement, AnOpenSegmentIsFineWhileItHasAllThatItCanHave) {
  create(3);  // on 1, 2, 3
  EXPECT_FALSE(better());
  set_state(4, NodeState::kDown);
  set_state(3, NodeState::kDown);
  EXPECT_FALSE(better()) << "nobody is there to take the place of node 3";
  set_state(4, NodeState::kUp);
  EXPECT_TRUE(better());
}

TEST_F(Placement, AnOpenSegmentMovesAwayFromNodesThatAreToHoldNothing) {
  create(3);
  drain(1);
  EXPECT_TRUE(better());
}

TEST_F(Placement, AnOpenSegmentMovesAwayFromAReplacedDisk) {
  create(3);
  set_state(4, NodeState::kDown);
  set_state(2, NodeState::kDown);
  join(2, 22);
  EXPECT_TRUE(better()) << "the new disk does not count for it";
}

TEST_F(Placement, ASegmentIsThinWithoutANodeWhenTheOthersThatStayCouldHaveMoreCopies) {
  create(3);  // on 1, 2, 3
  EXPECT_EQ(thin_without(*state_.view(), NodeId(4)), 0u) << "it has none";
  EXPECT_EQ(thin_without(*state_.view(), NodeId(2)), 1u) << "node 4 could have its copy";
  set_state(4, NodeState::kDown);
  EXPECT_EQ(thin_without(*state_.view(), NodeId(2)), 0u) << "there are only two others";
  set_state(4, NodeState::kUp);
  drain(4);
  EXPECT_EQ(thin_without(*state_.view(), NodeId(2)), 0u) << "node 4 gets no copies";
  set_state(3, NodeState::kDown);
  EXPECT_EQ(thin_without(*state_.view(), NodeId(2)), 0u) << "node 1, the only one that stays, has its copy";
}

TEST_F(Placement, NothingMovesWhenAllNodesDrain) {
  create(1);
  for (const std::uint64_t node : {1u, 2u, 3u}) drain(node);
  set_state(4, NodeState::kDown);
  EXPECT_FALSE(better());
}

}  // namespace
}  // namespace walrus::metadata
