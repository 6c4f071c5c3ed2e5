#include "net/peer_identity.h"

#include <fmt/core.h>

#include "base/bytes.h"

namespace walrus::net {

std::string uuid_field(const Uuid& id) {
  if (id.is_nil()) return {};
  std::string bytes(16, '\0');
  store_big(bytes.data(), id.high());
  store_big(bytes.data() + 8, id.low());
  return bytes;
}

Uuid uuid_of_field(std::string_view bytes) {
  if (bytes.size() != 16) return {};
  return Uuid(load_big<std::uint64_t>(bytes.data()), load_big<std::uint64_t>(bytes.data() + 8));
}

peer::Hello make_hello(const PeerIdentity& self, NodeId expected_node, std::uint32_t channel) {
  peer::Hello hello;
  hello.set_format_version(kPeerFormatVersion);
  hello.set_cluster_id(uuid_field(self.cluster_id));
  hello.set_node_id(self.node_id.value());
  hello.set_disk_id(uuid_field(self.disk_id));
  hello.set_boot_id(uuid_field(self.boot_id));
  hello.set_expected_node(expected_node.value());
  hello.set_channel(channel);
  hello.set_software("walrusd " WALRUS_VERSION);
  hello.set_peer_address(self.peer_address);
  return hello;
}

Result<PeerClaim> read_hello(const peer::Hello& hello) {
  if (hello.format_version() < kOldestPeerFormatVersion) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("format version {} of {}: version {} is the oldest that this node speaks",
                            hello.format_version(), hello.software(), kOldestPeerFormatVersion));
  }
  PeerClaim claim{.identity = {.cluster_id = uuid_of_field(hello.cluster_id()),
                               .node_id = NodeId(hello.node_id()),
                               .disk_id = uuid_of_field(hello.disk_id()),
                               .boot_id = uuid_of_field(hello.boot_id()),
                               .peer_address = hello.peer_address()},
                  .expected_node = NodeId(hello.expected_node()),
                  .channel = hello.channel()};
  if (claim.identity.node_id == NodeId() || claim.identity.disk_id.is_nil() || claim.identity.boot_id.is_nil()) {
    return fail(ErrorCode::kInvalidArgument, "hello without a node id, a disk id or a boot id");
  }
  return claim;
}

Status check_claim(const PeerIdentity& self, const PeerClaim& claim) {
  const PeerIdentity& caller = claim.identity;
  if (caller.boot_id == self.boot_id) return fail(ErrorCode::kConflict, "the node has reached itself");
  if (!caller.cluster_id.is_nil() && !self.cluster_id.is_nil() && caller.cluster_id != self.cluster_id) {
    return fail(ErrorCode::kIdentityRefused,
                fmt::format("node {} belongs to cluster {}, node {} at this address to cluster {}", caller.node_id,
                            caller.cluster_id, self.node_id, self.cluster_id));
  }
  if (self.cluster_id.is_nil()) {
    return fail(ErrorCode::kUnavailable, fmt::format("node {} is not part of a cluster yet", self.node_id));
  }
  if (claim.expected_node != NodeId() && claim.expected_node != self.node_id) {
    return fail(ErrorCode::kConflict, fmt::format("node {} was expected at this address, but it is node {}",
                                                  claim.expected_node, self.node_id));
  }
  if (caller.node_id == self.node_id) {
    return fail(ErrorCode::kIdentityRefused,
                fmt::format("node id {} is in use by the node at {}{}", self.node_id, self.peer_address,
                            caller.disk_id == self.disk_id ? "; was its data directory copied?" : ""));
  }
  return {};
}

peer::HelloReply make_hello_reply(const PeerIdentity& self, const Status& verdict) {
  peer::HelloReply reply;
  reply.set_format_version(kPeerFormatVersion);
  reply.set_cluster_id(uuid_field(self.cluster_id));
  reply.set_node_id(self.node_id.value());
  reply.set_disk_id(uuid_field(self.disk_id));
  if (!verdict) {
    reply.set_error(static_cast<std::uint32_t>(verdict.error().code));
    reply.set_detail(verdict.error().detail);
  }
  return reply;
}

Status check_hello_reply(const PeerIdentity& self, NodeId expected_node, const peer::HelloReply& reply) {
  if (reply.error() != 0) {
    return fail(error_from_number(static_cast<std::uint16_t>(reply.error())), reply.detail());
  }
  if (foreign_cluster(self, reply)) {
    return fail(ErrorCode::kConflict, fmt::format("node {} at this address belongs to cluster {}", reply.node_id(),
                                                  uuid_of_field(reply.cluster_id())));
  }
  if (expected_node != NodeId() && NodeId(reply.node_id()) != expected_node) {
    return fail(ErrorCode::kConflict,
                fmt::format("node {} was expected at this address, but it is node {}", expected_node, reply.node_id()));
  }
  return {};
}

bool foreign_cluster(const PeerIdentity& self, const peer::HelloReply& reply) {
  const Uuid theirs = uuid_of_field(reply.cluster_id());
  return !self.cluster_id.is_nil() && !theirs.is_nil() && theirs != self.cluster_id;
}

}  // namespace walrus::net
