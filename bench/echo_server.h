// A server that answers OK to every frame and does nothing else: what the network, the kernel and this client allow at
// most. One epoll thread; all replies to one read leave in one write. A reply that the peer does not take waits, and
// then nothing more is read from that peer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace walrus::bench {

class EchoServer {
 public:
  /// Listens; port 0 picks a free one. IPv4 or IPv6 address, no names.
  static Result<EchoServer> listen(const std::string& host, std::uint16_t port);
  ~EchoServer();
  EchoServer(EchoServer&& other) noexcept;
  EchoServer& operator=(EchoServer&&) = delete;

  std::uint16_t port() const { return port_; }
  /// Serves until `stop`, a descriptor, is readable.
  void run(int stop);

 private:
  EchoServer(int listener, std::uint16_t port) : listener_(listener), port_(port) {}
  int listener_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace walrus::bench
