// The client port of a node: accepts on the node's loop and deals the connections out to the shards in turn, so that
// they balance however they come. Beyond the limit a client hears ERR and is closed.
//
// Node loop thread only. The groups outlive the listener.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "net/session_group.h"
#include "net/tcp_acceptor.h"

namespace walrus::net {

class Listener {
 public:
  Listener(std::unique_ptr<TcpAcceptor> acceptor, std::vector<SessionGroup*> groups,
           std::shared_ptr<ConnectionCount> count, std::size_t max_connections = limits::kMaxConnections);

  void start();
  void stop() { acceptor_->stop(); }
  std::uint16_t port() const { return acceptor_->port(); }

 private:
  void deal(AcceptedSocket accepted);

  std::unique_ptr<TcpAcceptor> acceptor_;
  std::vector<SessionGroup*> groups_;
  std::shared_ptr<ConnectionCount> count_;
  std::size_t max_connections_;
  std::size_t next_ = 0;
};

}  // namespace walrus::net
