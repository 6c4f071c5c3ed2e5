#include "server/node_table.h"

#include <gtest/gtest.h>

#include "metadata/cluster_state.h"
#include "metadata/uuid_bytes.h"

namespace walrus::server {
namespace {

/// Node 2 with disk (0, 2), in the given state.
metadata::ViewPtr table(metadata::NodeState state) {
  metadata::ClusterState cluster;
  metadata::Command command;
  auto& node = *command.mutable_upsert_node();
  node.set_node_id(2);
  node.set_disk_id(metadata::uuid_bytes(Uuid(7, 2)));
  node.set_raft_id(1);
  node.set_peer_address("127.0.0.1:6000");
  EXPECT_TRUE(cluster.apply(1, command));
  metadata::Command change;
  change.mutable_set_node_state()->set_node_id(2);
  change.mutable_set_node_state()->set_disk_id(metadata::uuid_bytes(Uuid(7, 2)));
  change.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(state));
  EXPECT_TRUE(cluster.apply(2, change));
  return cluster.view();
}

TEST(NodeTable, LetsAMemberWithItsDiskAndAnUnknownNodeThrough) {
  EXPECT_TRUE(check_against_node_table(*table(metadata::NodeState::kUp), NodeId(2), Uuid(7, 2)));
  EXPECT_TRUE(check_against_node_table(*table(metadata::NodeState::kDown), NodeId(2), Uuid(7, 2)));
  EXPECT_TRUE(check_against_node_table(*table(metadata::NodeState::kUp), NodeId(3), Uuid(7, 3)));
}

TEST(NodeTable, WaitsToHearOfAnotherDiskUnderAKnownNodeId) {
  const Status verdict = check_against_node_table(*table(metadata::NodeState::kUp), NodeId(2), Uuid(8, 8));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(verdict.error().detail.find("node 2"), std::string::npos);
}

TEST(NodeTable, RefusesARemovedNode) {
  const Status verdict = check_against_node_table(*table(metadata::NodeState::kRemoved), NodeId(2), Uuid(7, 2));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, ErrorCode::kIdentityRefused);
}

}  // namespace
}  // namespace walrus::server
