// The internal port of a node: accepts, hears each caller's hello, says whether it is welcome, and hands the connection
// to the transport of its channel, on that transport's loop.
//
// What is refused, with a reason for people: a member of another cluster, a caller that wants somebody else, our own
// node id, a disk that the metadata does not know under this node id, and a second live process of one node id (another
// boot id while connections of the first are alive: a copied data directory). A process that died and came back looks
// like the latter for a moment; it hears "try again" until the old connections are gone, at most kPeerConflictLimit.
//
// Node loop thread only. The transports outlive the acceptor, and the callbacks that it posts to them.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "io/asio_loop.h"
#include "net/peer_identity.h"
#include "net/peer_transport.h"
#include "net/tcp_acceptor.h"

namespace walrus::net {

/// Which process speaks for a node id, told by its live connections. Pure but for the time passed in.
class LiveProcesses {
 public:
  explicit LiveProcesses(io::Duration conflict_limit = limits::kPeerConflictLimit) : conflict_limit_(conflict_limit) {}

  /// kUnavailable: perhaps a restart, try again. kIdentityRefused: two of them are alive.
  Status admit(NodeId node, const Uuid& boot_id, io::TimePoint now);
  void opened(NodeId node, const Uuid& boot_id);
  void closed(NodeId node, const Uuid& boot_id);

 private:
  struct Process {
    Uuid boot_id;
    std::size_t connections = 0;
    Uuid rival;  // nil when there is none
    io::TimePoint rival_since{};
  };
  io::Duration conflict_limit_;
  std::unordered_map<NodeId, Process> processes_;
};

struct PeerAcceptorOptions {
  IdentityCheck identity_check;
  io::Duration hello_timeout = limits::kPeerConnectTimeout;
  io::Duration conflict_limit = limits::kPeerConflictLimit;
};

class PeerAcceptor {
 public:
  /// `shards` by number; channel 0 is the node's.
  PeerAcceptor(io::AsioLoop& loop, std::unique_ptr<TcpAcceptor> acceptor, PeerIdentity self, PeerTransport& node,
               std::vector<PeerTransport*> shards, PeerAcceptorOptions options);
  ~PeerAcceptor();
  PeerAcceptor(const PeerAcceptor&) = delete;
  PeerAcceptor& operator=(const PeerAcceptor&) = delete;

  void start();
  void stop();
  void set_cluster_id(const Uuid& cluster_id) { self_.cluster_id = cluster_id; }
  std::uint16_t port() const { return acceptor_->port(); }

 private:
  class Handshake;

  void greet(AcceptedSocket accepted);
  Status judge(const PeerClaim& claim);
  void welcome(AcceptedSocket socket, PeerClaim claim);
  PeerTransport& transport_of(std::uint32_t channel);

  io::AsioLoop& loop_;
  std::unique_ptr<TcpAcceptor> acceptor_;
  PeerIdentity self_;
  PeerTransport& node_;
  std::vector<PeerTransport*> shards_;
  PeerAcceptorOptions options_;
  std::shared_ptr<LiveProcesses> live_;
  std::set<std::shared_ptr<Handshake>> handshakes_;
};

}  // namespace walrus::net
