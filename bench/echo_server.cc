#include "bench/echo_server.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <unistd.h>
#include <unordered_map>
#include <utility>

#include "base/assert.h"
#include "protocol/frame.h"

namespace walrus::bench {
namespace {

constexpr int kBacklog = 4096;
constexpr std::size_t kEchoReceiveBytes = 64 * 1024;

class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {}
  ~Peer() { ::close(socket_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool blocked() const { return sent_ < out_.size(); }

  /// False when the connection is over.
  bool serve() {
    if (!blocked() && !receive()) return false;
    while (blocked()) {
      const ssize_t taken = ::send(socket_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
      if (taken < 0) return errno == EAGAIN || errno == EINTR;
      sent_ += static_cast<std::size_t>(taken);
    }
    out_.clear();
    sent_ = 0;
    return true;
  }

 private:
  bool receive() {
    const std::size_t before = in_.size();
    ssize_t got = 0;
    in_.resize_and_overwrite(before + kEchoReceiveBytes, [&](char* data, std::size_t) {
      got = ::recv(socket_, data + before, kEchoReceiveBytes, 0);
      return before + static_cast<std::size_t>(got > 0 ? got : 0);
    });
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    std::string_view rest = in_;
    for (;;) {
      const auto step = decoder_.next(rest);
      if (step.event == protocol::FrameDecoder::Event::kNeedMore) break;
      if (step.event != protocol::FrameDecoder::Event::kFrame) return false;
      protocol::append_frame(out_, "OK");
    }
    in_.erase(0, in_.size() - rest.size());
    return true;
  }

  int socket_;
  std::string in_;
  std::string out_;
  std::size_t sent_ = 0;
  protocol::FrameDecoder decoder_;
};

class EchoLoop {
 public:
  EchoLoop(int listener, int stop) : listener_(listener), stop_(stop), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    WALRUS_ASSERT(epoll_ >= 0);
    change(EPOLL_CTL_ADD, listener_, EPOLLIN);
    change(EPOLL_CTL_ADD, stop_, EPOLLIN);
  }
  ~EchoLoop() { ::close(epoll_); }
  EchoLoop(const EchoLoop&) = delete;
  EchoLoop& operator=(const EchoLoop&) = delete;

  void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) {
        const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == stop_) return;
        if (descriptor == listener_) {
          accept_all();
        } else {
          serve(descriptor);
        }
      }
    }
  }

 private:
  void change(int operation, int descriptor, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = descriptor}};
    WALRUS_ASSERT(::epoll_ctl(epoll_, operation, descriptor, &event) == 0);
  }

  void accept_all() {
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      peers_[socket] = std::make_unique<Peer>(socket);
      change(EPOLL_CTL_ADD, socket, EPOLLIN);
    }
  }

  void serve(int socket) {
    Peer& peer = *peers_.at(socket);
    const bool was_blocked = peer.blocked();
    if (!peer.serve()) {
      peers_.erase(socket);
    } else if (peer.blocked() != was_blocked) {
      change(EPOLL_CTL_MOD, socket, peer.blocked() ? EPOLLOUT : EPOLLIN);
    }
  }

  int listener_;
  int stop_;
  int epoll_;
  std::unordered_map<int, std::unique_ptr<Peer>> peers_;
};

/// `address` filled in for a numeric host; its size, or 0.
socklen_t parse_address(const std::string& host, std::uint16_t port, sockaddr_storage& address) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof *v6;
  }
  return 0;
}

}  // namespace

Result<EchoServer> EchoServer::listen(const std::string& host, std::uint16_t port) {
  sockaddr_storage address{};
  const socklen_t size = parse_address(host, port, address);
  if (size == 0) return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not an IP address", host));
  const int listener = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  EchoServer server(listener, port);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t bound = sizeof address;
  if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener, kBacklog) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &bound) != 0) {
    return fail(ErrorCode::kIo,
                fmt::format("cannot listen on {}:{}: {}", host, port, std::generic_category().message(errno)));
  }
  server.port_ = ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&address)->sin_port
                                                    : reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return server;
}

EchoServer::EchoServer(EchoServer&& other) noexcept
    : listener_(std::exchange(other.listener_, -1)), port_(other.port_) {}

EchoServer::~EchoServer() {
  if (listener_ >= 0) ::close(listener_);
}

void EchoServer::run(int stop) { EchoLoop(listener_, stop).run(); }

}  // namespace walrus::bench
