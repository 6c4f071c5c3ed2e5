#include "server/node_table.h"

#include <fmt/core.h>

#include <algorithm>

namespace walrus::server {
namespace {

bool newly_down(const metadata::View* before, const metadata::NodeInfo& node) {
  if (before == nullptr || node.state != metadata::NodeState::kDown) return false;
  const metadata::NodeInfo* earlier = before->find_node(node.id);
  return earlier != nullptr && earlier->state != metadata::NodeState::kDown;
}

void apply(const metadata::View* before, const metadata::View& now, net::PeerTransport& transport, NodeId self,
           LostNode lost_node) {
  if (before != nullptr && &before->nodes() == &now.nodes()) return;  // shared: unchanged
  for (const auto& [id, node] : now.nodes()) {
    if (id == self) continue;
    if (node.state == metadata::NodeState::kRemoved && !node.member) {
      transport.forget(id);
    } else {
      transport.set_address(id, node.peer_address);
    }
    if (lost_node == LostNode::kHangUp && newly_down(before, node)) transport.hang_up(id, "the node is marked down");
  }
}

}  // namespace

metadata::MetadataClient::Subscription follow_node_table(metadata::MetadataClient& metadata,
                                                         net::PeerTransport& transport, NodeId self,
                                                         LostNode lost_node) {
  apply(nullptr, *metadata.view(), transport, self, lost_node);
  return metadata.subscribe(
      [&transport, self, lost_node](const metadata::ViewPtr& before, const metadata::ViewPtr& now) {
        apply(before.get(), *now, transport, self, lost_node);
      });
}

Status check_against_node_table(const metadata::View& view, NodeId node, const Uuid& disk_id) {
  const metadata::NodeInfo* known = view.find_node(node);
  if (known == nullptr) return {};
  const bool gone = known->state == metadata::NodeState::kRemoved && !known->member;  // until then Raft must reach it
  if (gone && known->disk_id == disk_id) {
    return fail(ErrorCode::kIdentityRefused, fmt::format("node {} was removed from the cluster", node));
  }
  if (known->disk_id == disk_id) return {};
  if (std::ranges::find(known->former_disks, disk_id) != known->former_disks.end()) {
    return fail(ErrorCode::kIdentityRefused,
                fmt::format("node {} has disk {} now; disk {} was replaced, for good", node, known->disk_id, disk_id));
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("node {} is known with another disk ({}, not {}): if its own was lost, start it with --join "
                          "and an empty directory",
                          node, known->disk_id, disk_id));
}

}  // namespace walrus::server
