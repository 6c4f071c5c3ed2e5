#include "tests/chaos/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "peer.pb.h"
#include "protocol/peer_frame.h"
#include "tests/chaos/proxied_pipe.h"

namespace walrus::chaos {
namespace {

constexpr auto kLongestWait = std::chrono::milliseconds(20);  // rules change without a word to the proxies

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

int new_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

void set_option(int socket, int level, int name, int value) { ::setsockopt(socket, level, name, &value, sizeof value); }

/// Without a goodbye: the other side sees a reset.
void reset_and_close(int socket) {
  if (socket < 0) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(socket);
}

/// The node that a first frame names; 0 while it is not whole, or when it is something else.
std::uint64_t caller_of(std::string_view front) {
  const auto size = protocol::peer_frame_size(front);
  if (!size || *size == 0 || front.size() < *size) return 0;
  const auto frame = protocol::decode_peer_frame(front.substr(0, *size));
  peer::Hello hello;
  if (!frame || frame->type != peer::HELLO || !hello.ParseFromString(std::string(frame->header))) return 0;
  return hello.node_id();
}

}  // namespace

class FaultProxy::Link {
 public:
  Link(int caller_socket, int target_socket) : caller_socket_(caller_socket), target_socket_(target_socket) {}
  ~Link() {
    reset_and_close(caller_socket_);
    reset_and_close(target_socket_);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  int caller_socket_;
  int target_socket_;
  std::uint64_t caller_ = 0;  // known once its hello has come
  std::string hello_;
  bool leads_nowhere_ = false;
  bool over_ = false;
  ProxiedPipe up_;    // caller to target
  ProxiedPipe down_;  // target to caller
};

FaultProxy::FaultProxy(FaultProxyOptions options, const LinkRules& rules)
    : options_(std::move(options)), rules_(rules), random_(options_.seed) {
  listener_ = new_socket();
  set_option(listener_, SOL_SOCKET, SO_REUSEADDR, 1);
  const sockaddr_in address = address_of(options_.listen_host, options_.port);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 128) != 0) {
    const int error = errno;
    ::close(listener_);
    throw std::system_error(error, std::generic_category(), "listen at " + this->address());
  }
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread([this] { run(); });
}

FaultProxy::~FaultProxy() {
  stopped_ = true;
  wake();
  thread_.join();
  ::close(listener_);
  ::close(wake_);
}

void FaultProxy::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

void FaultProxy::reset_connections(std::uint64_t caller) {
  {
    const std::lock_guard guard(mutex_);
    to_reset_.insert(caller);
  }
  wake();
}

std::set<std::uint64_t> FaultProxy::take_orders() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(wake_, &count, sizeof count);
  const std::lock_guard guard(mutex_);
  return std::exchange(to_reset_, {});
}

void FaultProxy::accept_one() {
  const int caller = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (caller < 0) return;
  const int target = new_socket();
  const sockaddr_in address = address_of("127.0.0.1", options_.port);
  const int connected = ::connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected != 0 && errno != EINPROGRESS) {
    reset_and_close(caller);
    ::close(target);
    return;
  }
  set_option(caller, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(target, IPPROTO_TCP, TCP_NODELAY, 1);
  links_.push_back(std::make_unique<Link>(caller, target));
}

void FaultProxy::run() {
  while (!stopped_) {
    std::vector<pollfd> sockets = {{.fd = listener_, .events = POLLIN, .revents = 0},
                                   {.fd = wake_, .events = POLLIN, .revents = 0}};
    auto until = Clock::now() + kLongestWait;
    for (const auto& link : links_) {
      const LinkRule up = rules_.get(link->caller_, options_.node);
      const LinkRule down = rules_.get(options_.node, link->caller_);
      const auto events = [](bool in, bool out) { return static_cast<short>((in ? POLLIN : 0) | (out ? POLLOUT : 0)); };
      sockets.push_back({link->caller_socket_, events(link->up_.wants_bytes(), link->down_.due(down)), 0});
      sockets.push_back({link->target_socket_, events(link->down_.wants_bytes(), link->up_.due(up)), 0});
      // A side that has ended but may not say so yet would wake the poll for ever.
      if (!link->up_.wants_bytes() && !link->down_.due(down)) sockets[sockets.size() - 2].fd = -1;
      if (!link->down_.wants_bytes() && !link->up_.due(up)) sockets.back().fd = -1;
      if (const auto due = link->up_.next_due(up)) until = std::min(until, *due);
      if (const auto due = link->down_.next_due(down)) until = std::min(until, *due);
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    ::poll(sockets.data(), sockets.size(), static_cast<int>(std::max<std::int64_t>(wait.count(), 0)));

    const auto orders = take_orders();
    std::size_t i = 2;
    for (const auto& link : links_) {
      serve(*link, sockets[i].revents, sockets[i + 1].revents);
      i += 2;
      if (orders.contains(0) || (link->caller_ != 0 && orders.contains(link->caller_))) {
        link->over_ = true;
        ++resets_;
      }
    }
    std::erase_if(links_, [](const auto& link) { return link->over_; });
    if ((sockets[0].revents & POLLIN) != 0) accept_one();
  }
  links_.clear();
}

void FaultProxy::serve(Link& link, short caller_events, short target_events) {
  const auto carry = [&](ProxiedPipe& pipe, int from, short events, bool upwards) {
    std::string piece;
    if ((events & (POLLIN | POLLHUP | POLLERR)) == 0 || !pipe.wants_bytes()) return;
    if (pipe.read(from, piece) != ProxiedPipe::Read::kBytes) return;
    if (upwards && link.caller_ == 0) {
      link.hello_ += piece;
      link.caller_ = caller_of(link.hello_);
      if (link.caller_ == 0) return;
      piece = std::exchange(link.hello_, {});
      link.leads_nowhere_ = rules_.get(link.caller_, options_.node).half_open;
    }
    const LinkRule rule = upwards ? rules_.get(link.caller_, options_.node) : rules_.get(options_.node, link.caller_);
    if (rule.swallowed || link.leads_nowhere_) return;
    std::uniform_real_distribution<double> chance(0, 1);
    if (rule.corrupt > 0 && chance(random_) < rule.corrupt) {
      piece[random_() % piece.size()] ^= static_cast<char>(1U << (random_() % 8));
      ++bits_flipped_;
    }
    if (rule.reset > 0 && chance(random_) < rule.reset) {
      link.over_ = true;
      ++resets_;
    }
    pipe.push(std::move(piece), rule.delay);
  };
  carry(link.up_, link.caller_socket_, caller_events, true);
  carry(link.down_, link.target_socket_, target_events, false);

  const LinkRule up = rules_.get(link.caller_, options_.node);
  const LinkRule down = rules_.get(options_.node, link.caller_);
  if (link.up_.due(up) && !link.up_.write(link.target_socket_)) link.over_ = true;
  if (link.down_.due(down) && !link.down_.write(link.caller_socket_)) link.over_ = true;
  if (link.up_.finished(up) || link.down_.finished(down)) link.over_ = true;
}

}  // namespace walrus::chaos
