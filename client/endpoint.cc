#include "walrus/client/endpoint.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace walrus::client {
namespace {

std::unexpected<Error> invalid(std::string text) {
  return std::unexpected(Error{.kind = ErrorKind::kInvalidRequest, .text = std::move(text)});
}

std::unexpected<Error> cannot_connect(std::string reason) {
  return std::unexpected(Error{.kind = ErrorKind::kCannotConnect, .text = std::move(reason)});
}

std::string connect_error_of(int error) { return std::generic_category().message(error); }

bool valid_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto malformed = [&] { return invalid("'" + std::string(text) + "' is not HOST:PORT"); };
  if (colon == std::string_view::npos || colon == 0) return malformed();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return malformed();
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return invalid("'" + std::string(text) + "': write an IPv6 address in brackets, [ADDRESS]:PORT");
  }
  if (!valid_port(port)) return invalid("'" + std::string(text) + "': a port is a number from 1 to 65535");
  return Endpoint{std::string(host), std::string(port)};
}

/// 0, or the errno of an attempt that failed. `socket` is non-blocking.
int connect_socket(int socket, const sockaddr* address, socklen_t size, std::chrono::milliseconds timeout) {
  if (::connect(socket, address, size) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{socket, POLLOUT, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno;
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
    return error;
  }
}

}  // namespace

std::string Endpoint::text() const {
  return host.find(':') == std::string::npos ? host + ":" + port : "[" + host + "]:" + port;
}

Result<std::vector<Endpoint>> parse_endpoints(std::string_view list) {
  std::vector<Endpoint> endpoints;
  for (;;) {
    const auto comma = list.find(',');
    auto endpoint = parse_endpoint(list.substr(0, comma));
    if (!endpoint) return std::unexpected(std::move(endpoint.error()));
    endpoints.push_back(std::move(*endpoint));
    if (comma == std::string_view::npos) return endpoints;
    list.remove_prefix(comma + 1);
  }
}

Result<int> connect_tcp(const Endpoint& endpoint, std::chrono::milliseconds timeout) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found); error != 0) {
    return cannot_connect(error == EAI_SYSTEM ? connect_error_of(errno) : ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> candidates(found, &::freeaddrinfo);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* candidate = candidates.get(); candidate != nullptr; candidate = candidate->ai_next) {
    const int descriptor =
        ::socket(candidate->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, candidate->ai_protocol);
    if (descriptor < 0) {
      error = errno;
      continue;
    }
    error = connect_socket(descriptor, candidate->ai_addr, candidate->ai_addrlen, timeout);
    if (error == 0) {
      const int on = 1;
      ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return descriptor;
    }
    ::close(descriptor);
  }
  return cannot_connect(connect_error_of(error));
}

}  // namespace walrus::client
