// Accepts TCP connections on one address and gives them away as bare descriptors, so that any loop can take them over.
//
// Happy path: open() binds and listens, start() calls `accepted` for each connection, until stop(). Out of descriptors
// it waits a moment and tries again; the connection stays in the kernel's queue.
//
// Loop thread of `context`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace walrus::net {

/// "host:port" or "[v6]:port" in its parts; kInvalidArgument when it is neither.
Result<std::pair<std::string, std::uint16_t>> split_address(std::string_view host_port);
/// The reverse; puts brackets round an IPv6 address.
std::string join_address(std::string_view host, std::uint16_t port);

/// A non-blocking connected socket; closed unless taken.
class AcceptedSocket {
 public:
  explicit AcceptedSocket(int descriptor) : descriptor_(descriptor) {}
  AcceptedSocket(AcceptedSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  AcceptedSocket& operator=(AcceptedSocket&&) = delete;
  ~AcceptedSocket();
  /// As a socket of another loop; on that loop's thread.
  boost::asio::ip::tcp::socket take(boost::asio::io_context& context) &&;

 private:
  int descriptor_;
};

class TcpAcceptor {
 public:
  /// kIo names the address and the system's reason: in use, not ours, not permitted, not known.
  static Result<std::unique_ptr<TcpAcceptor>> open(boost::asio::io_context& context, const std::string& host,
                                                   std::uint16_t port);

  /// The port that is bound; tells which one the system chose for port 0.
  std::uint16_t port() const { return port_; }

  void start(std::move_only_function<void(AcceptedSocket)> accepted);
  void stop();

 private:
  explicit TcpAcceptor(boost::asio::io_context& context);
  void await();
  /// Takes what is in the kernel's queue; false when it has to pause.
  bool accept_some();

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::uint16_t port_ = 0;
  std::move_only_function<void(AcceptedSocket)> accepted_;
};

}  // namespace walrus::net
