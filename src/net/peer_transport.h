// io::Transport over TCP, for one loop: the node loop or a shard.
//
// Happy path: messages to a node leave on a connection that this transport opens (peer_link.h), and replies come back
// on it. What other nodes send comes on the connections that they opened: the node's PeerAcceptor takes those, hears
// the hello, and hands each to the transport of its channel by adopt(); replies go back on the same one.
//
// Failure: as io/transport.h says. A connection on which the other side does not take its replies is closed when
// kMaxPeerQueuedBytes of them wait.
//
// Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "io/asio_loop.h"
#include "io/transport.h"
#include "net/peer_connection.h"
#include "net/peer_identity.h"
#include "net/peer_link.h"
#include "net/tcp_acceptor.h"

namespace walrus::net {

struct PeerTransportOptions {
  std::uint32_t channel = io::Channel::kNode;
  PeerConnectionOptions connection;
  io::Duration connect_timeout = limits::kPeerConnectTimeout;
  /// What this loop's view of the metadata says about who answers; may be empty.
  IdentityCheck identity_check;
  /// Another node would not have us, or we have reached the wrong one.
  std::function<void(const PeerRefusal&)> on_refused;
};

class PeerTransport final : public io::Transport {
 public:
  PeerTransport(io::AsioLoop& loop, PeerIdentity self, PeerTransportOptions options);
  ~PeerTransport() override;
  PeerTransport(const PeerTransport&) = delete;
  PeerTransport& operator=(const PeerTransport&) = delete;

  void set_handler(io::Transport::Handler handler) override;
  void set_address(NodeId node, const std::string& host_port) override;
  /// Also closes what the node has opened: when it connects again it hears why it is not welcome any more.
  void forget(NodeId node) override;
  void send(NodeId to, io::Message message) override;
  void call(NodeId to, io::Message message, io::Duration timeout, io::Reply reply) override;
  void call_address(const std::string& host_port, io::Message message, io::Duration timeout, io::Reply reply) override;
  bool connected(NodeId node) const override;

  /// Ends our connection to a node as if it had broken: calls under way fail now. The next one connects again.
  void hang_up(NodeId node, const std::string& why);

  /// The node has become part of a cluster; before any connection but a guest's is possible.
  void set_cluster_id(const Uuid& cluster_id);

  /// Takes over a connection whose hello was accepted. `closed` runs on this loop when it ends.
  void adopt(AcceptedSocket socket, PeerClaim claim, std::move_only_function<void()> closed);

  /// Closes everything; calls under way fail, later ones too. Idempotent.
  void stop();

  io::AsioLoop& loop() { return context_.loop; }

 private:
  /// A connection that another node opened.
  struct Inbound;

  void on_message(const std::shared_ptr<Inbound>& inbound, protocol::PeerFrameKind kind, std::uint64_t call_id,
                  io::Message message);

  PeerLinkContext context_;
  io::Transport::Handler handler_;
  std::unordered_map<NodeId, std::shared_ptr<PeerLink>> links_;
  std::set<std::shared_ptr<PeerLink>> guests_;  // of call_address()
  std::set<std::shared_ptr<Inbound>> inbound_;
  bool stopped_ = false;
};

}  // namespace walrus::net
