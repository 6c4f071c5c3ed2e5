#include "net/peer_transport.h"

#include <fmt/core.h>

#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace walrus::net {

using protocol::PeerFrameKind;

struct PeerTransport::Inbound {
  PeerClaim claim;
  std::shared_ptr<PeerConnection> connection;
  std::move_only_function<void()> closed;
};

namespace {

/// Sends the answer to a call; the connection may be gone.
void send_reply(const std::weak_ptr<PeerConnection>& weak, std::uint64_t call_id, Result<io::Message> result) {
  const auto connection = weak.lock();
  if (!connection || !connection->is_open()) return;
  Status sent =
      connection->send(PeerFrameKind::kReply, call_id, result ? std::move(*result) : error_message(result.error()));
  if (!sent && sent.error().code == ErrorCode::kTooLarge) {
    sent = connection->send(PeerFrameKind::kReply, call_id, error_message(sent.error()));
  }
  if (!sent) connection->abort("replies are not taken: " + sent.error().message());
}

}  // namespace

PeerTransport::PeerTransport(io::AsioLoop& loop, PeerIdentity self, PeerTransportOptions options)
    : context_{.loop = loop,
               .channel = options.channel,
               .self = std::move(self),
               .connection = options.connection,
               .connect_timeout = options.connect_timeout,
               .identity_check = std::move(options.identity_check),
               .on_refused = std::move(options.on_refused)} {}

PeerTransport::~PeerTransport() { stop(); }

void PeerTransport::set_handler(io::Transport::Handler handler) { handler_ = std::move(handler); }

void PeerTransport::set_cluster_id(const Uuid& cluster_id) { context_.self.cluster_id = cluster_id; }

void PeerTransport::stop() {
  if (std::exchange(stopped_, true)) return;
  for (const auto& [node, link] : std::exchange(links_, {})) link->close("this node is stopping");
  for (const auto& link : std::exchange(guests_, {})) link->close("this node is stopping");
  for (const auto& inbound : std::exchange(inbound_, {})) inbound->connection->close();
}

// To other nodes.

void PeerTransport::set_address(NodeId node, const std::string& host_port) {
  if (stopped_) return;
  auto& link = links_[node];
  if (link) {
    link->set_address(host_port);
  } else {
    link = std::make_shared<PeerLink>(context_, node, host_port);
  }
}

void PeerTransport::forget(NodeId node) {
  std::erase_if(inbound_, [&](const std::shared_ptr<Inbound>& inbound) {
    // A guest may be its successor, with another disk, that asks to be taken in.
    if (inbound->claim.guest() || inbound->claim.identity.node_id != node) return false;
    inbound->connection->close();
    context_.loop.post([inbound] { inbound->closed(); });
    return true;
  });
  const auto found = links_.find(node);
  if (found == links_.end()) return;
  const auto link = found->second;
  links_.erase(found);
  link->close("the node is no longer part of the cluster");
}

void PeerTransport::hang_up(NodeId node, const std::string& why) {
  if (const auto found = links_.find(node); found != links_.end()) found->second->hang_up(why);
}

void PeerTransport::send(NodeId to, io::Message message) {
  if (const auto found = links_.find(to); found != links_.end()) found->second->send(std::move(message));
}

void PeerTransport::call(NodeId to, io::Message message, io::Duration timeout, io::Reply reply) {
  const auto found = links_.find(to);
  if (found != links_.end()) {
    found->second->call(std::move(message), timeout, std::move(reply));
    return;
  }
  context_.loop.post([to, reply = std::move(reply)]() mutable {
    reply(fail(ErrorCode::kUnavailable, fmt::format("no address of node {} is known", to)));
  });
}

void PeerTransport::call_address(const std::string& host_port, io::Message message, io::Duration timeout,
                                 io::Reply reply) {
  const auto link = std::make_shared<PeerLink>(context_, NodeId(), host_port);
  if (!stopped_) guests_.insert(link);
  link->call(std::move(message), timeout,
             [this, weak = std::weak_ptr(link), reply = std::move(reply)](Result<io::Message> result) mutable {
               if (const auto done = weak.lock(); done && guests_.erase(done) > 0) done->close("done");
               reply(std::move(result));
             });
}

bool PeerTransport::connected(NodeId node) const {
  const auto found = links_.find(node);
  return found != links_.end() && found->second->connected();
}

// From other nodes.

void PeerTransport::adopt(AcceptedSocket socket, PeerClaim claim, std::move_only_function<void()> closed) {
  if (stopped_) {
    closed();
    return;
  }
  auto inbound = std::make_shared<Inbound>();
  inbound->claim = std::move(claim);
  inbound->closed = std::move(closed);
  inbound->connection = std::make_shared<PeerConnection>(context_.loop, std::move(socket).take(context_.loop.context()),
                                                         context_.connection);
  inbound_.insert(inbound);
  const std::weak_ptr weak = inbound;
  inbound->connection->start({.on_frame =
                                  [this, weak](PeerFrameKind kind, std::uint64_t call_id, io::Message message) {
                                    if (const auto self = weak.lock())
                                      on_message(self, kind, call_id, std::move(message));
                                  },
                              .on_closed =
                                  [this, weak](const Error& why) {
                                    const auto self = weak.lock();
                                    if (!self) return;
                                    log::debug("connection of node {} ended: {}", self->claim.identity.node_id,
                                               why.detail);
                                    inbound_.erase(self);
                                    self->closed();
                                  }});
}

void PeerTransport::on_message(const std::shared_ptr<Inbound>& inbound, PeerFrameKind kind, std::uint64_t call_id,
                               io::Message message) {
  if (kind == PeerFrameKind::kReply) return;  // nothing is asked on a connection that another node opened
  io::Reply reply;
  if (kind == PeerFrameKind::kCall) {
    reply = [weak = std::weak_ptr(inbound->connection), call_id](Result<io::Message> result) {
      send_reply(weak, call_id, std::move(result));
    };
  }
  if (inbound->claim.guest() && message.type != peer::JOIN) {
    if (reply) reply(fail(ErrorCode::kIdentityRefused, "a node must join before it may ask for anything else"));
    return;
  }
  if (handler_) {
    handler_(inbound->claim.identity.node_id, std::move(message), std::move(reply));
  } else if (reply) {
    reply(fail(ErrorCode::kUnavailable, "the node is starting"));
  }
}

}  // namespace walrus::net
