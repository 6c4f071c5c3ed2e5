#include "net/tcp_acceptor.h"

#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <unistd.h>

#include "base/log.h"

namespace walrus::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr auto kPauseWithoutDescriptors = std::chrono::milliseconds(100);

}  // namespace

Result<std::pair<std::string, std::uint16_t>> split_address(std::string_view host_port) {
  const auto malformed = [&] {
    return fail(ErrorCode::kInvalidArgument, "'" + std::string(host_port) + "' is not HOST:PORT");
  };
  const auto colon = host_port.rfind(':');
  if (colon == std::string_view::npos) return malformed();
  std::string_view host = host_port.substr(0, colon);
  const std::string_view port = host_port.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return malformed();
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (host.empty() || host.contains(' ') || error != std::errc{} || end != port.data() + port.size() || number == 0) {
    return malformed();
  }
  return std::pair(std::string(host), number);
}

std::string join_address(std::string_view host, std::uint16_t port) {
  const bool v6 = host.contains(':');
  return std::string(v6 ? "[" : "").append(host).append(v6 ? "]:" : ":").append(std::to_string(port));
}

AcceptedSocket::~AcceptedSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

asio::ip::tcp::socket AcceptedSocket::take(asio::io_context& context) && {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
  asio::ip::tcp::socket socket(context);
  error_code error;
  socket.assign(address.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), descriptor_, error);
  if (!error) descriptor_ = -1;
  return socket;  // closed when the assignment failed: its first use fails, and ends it
}

TcpAcceptor::TcpAcceptor(asio::io_context& context) : acceptor_(context), pause_(context) {}

Result<std::unique_ptr<TcpAcceptor>> TcpAcceptor::open(asio::io_context& context, const std::string& host,
                                                       std::uint16_t port) {
  const std::string address = join_address(host, port);
  error_code error;
  asio::ip::tcp::resolver resolver(context);
  const auto found = resolver.resolve(host, std::to_string(port), asio::ip::resolver_base::passive, error);
  if (error || found.empty()) return fail(ErrorCode::kIo, "listen on " + address + ": " + error.message());
  const asio::ip::tcp::endpoint endpoint = found.begin()->endpoint();
  std::unique_ptr<TcpAcceptor> self(new TcpAcceptor(context));
  asio::ip::tcp::acceptor& acceptor = self->acceptor_;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor.non_blocking(true, error);
  if (error) return fail(ErrorCode::kIo, "listen on " + address + ": " + error.message());
  self->port_ = acceptor.local_endpoint(error).port();
  return self;
}

void TcpAcceptor::start(std::move_only_function<void(AcceptedSocket)> accepted) {
  accepted_ = std::move(accepted);
  await();
}

void TcpAcceptor::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void TcpAcceptor::await() {
  acceptor_.async_wait(asio::socket_base::wait_read, [this](error_code error) {
    if (error || !acceptor_.is_open()) return;
    if (accept_some()) {
      if (acceptor_.is_open()) await();
      return;
    }
    pause_.expires_after(kPauseWithoutDescriptors);
    pause_.async_wait([this](error_code cancelled) {
      if (!cancelled && acceptor_.is_open()) await();
    });
  });
}

bool TcpAcceptor::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn && acceptor_.is_open(); ++i) {
    const int descriptor = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      accepted_(AcceptedSocket(descriptor));
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return true;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        log::warn("port {}: cannot accept a connection now: {}", port_, std::strerror(errno));
        return false;
      default:  // the connection was gone before it was taken
        break;
    }
  }
  return true;
}

}  // namespace walrus::net
