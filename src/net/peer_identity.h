// Who a node says it is in its hello, and what is refused (docs/protocol/peer.md). Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "peer.pb.h"

namespace walrus::net {

inline constexpr std::uint32_t kPeerFormatVersion = 1;
inline constexpr std::uint32_t kOldestPeerFormatVersion = 1;

struct PeerIdentity {
  Uuid cluster_id;  ///< nil while the node is not part of a cluster
  NodeId node_id;
  Uuid disk_id;
  Uuid boot_id;  ///< of this process; tells a restart from a copied directory
  std::string peer_address;
};

/// A hello that was read, with its fields checked for shape.
struct PeerClaim {
  PeerIdentity identity;
  NodeId expected_node;  ///< whom the caller means to reach; 0 for a guest
  std::uint32_t channel = 0;

  /// A node that is not part of a cluster yet: it may only ask to join.
  bool guest() const { return identity.cluster_id.is_nil(); }
};

/// What the metadata knows about a node id: kIdentityRefused when the node was removed, or this disk of it was
/// replaced; kUnavailable when the disk is another one than is known here (yet). Called on the loop of whoever holds
/// it.
using IdentityCheck = std::function<Status(NodeId node, const Uuid& disk_id)>;

peer::Hello make_hello(const PeerIdentity& self, NodeId expected_node, std::uint32_t channel);
Result<PeerClaim> read_hello(const peer::Hello& hello);

/// What the one that is called says to a hello. kIdentityRefused: the caller's own identity is at fault. kConflict: the
/// caller has reached somebody else. kUnavailable: perhaps later.
Status check_claim(const PeerIdentity& self, const PeerClaim& claim);

peer::HelloReply make_hello_reply(const PeerIdentity& self, const Status& verdict);

/// What the caller makes of the reply. An error of the other side's is passed on as it is.
Status check_hello_reply(const PeerIdentity& self, NodeId expected_node, const peer::HelloReply& reply);

/// True when the reply comes from a member of another cluster than ours.
bool foreign_cluster(const PeerIdentity& self, const peer::HelloReply& reply);

/// 16 bytes, big-endian; empty for nil. The reverse gives nil for anything else than 16 bytes.
std::string uuid_field(const Uuid& id);
Uuid uuid_of_field(std::string_view bytes);

}  // namespace walrus::net
