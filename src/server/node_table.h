// How the transports of a node follow the metadata's table of nodes: where each one listens, and which disk it has.
#pragma once

#include "base/ids.h"
#include "metadata/metadata_client.h"
#include "net/peer_identity.h"
#include "net/peer_transport.h"

namespace walrus::server {

/// What becomes of the calls under way to a node that is marked down: a frozen one answers none, and its connection
/// looks alive for another second.
enum class LostNode {
  kWait,    ///< Raft: it has its own idea of who is there
  kHangUp,  ///< requests: they fail at once, and their clients go on with the next leader
};

/// Keeps the addresses of `transport` as in the table, from now on and as long as the subscription lives. All on the
/// loop of `metadata`, which is that of the transport.
[[nodiscard]] metadata::MetadataClient::Subscription follow_node_table(metadata::MetadataClient& metadata,
                                                                       net::PeerTransport& transport, NodeId self,
                                                                       LostNode lost_node);

/// kIdentityRefused when `node` was removed with this disk, or got another one since; kUnavailable when the table knows
/// it with another disk: perhaps it has not heard of the new one yet. A node that is not in the table is let through:
/// it may have been added a moment ago.
Status check_against_node_table(const metadata::View& view, NodeId node, const Uuid& disk_id);

}  // namespace walrus::server
