#include "tests/harness/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace walrus::test {
namespace {

constexpr std::size_t kHeader = 4;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int try_connect(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  const int error = errno;
  ::close(socket);
  errno = error;
  return -1;
}

std::uint32_t announced_length(std::string_view bytes) {
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < kHeader; ++i) {
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return length;
}

}  // namespace

std::string frame(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < kHeader; ++i) bytes.push_back(static_cast<char>((text.size() >> (8 * i)) & 0xff));
  return bytes.append(text);
}

Connection::Connection(std::uint16_t port, std::chrono::steady_clock::duration timeout)
    : socket_(try_connect(port)), timeout_(timeout) {
  if (socket_ < 0) {
    throw std::system_error(errno, std::generic_category(), "connect to port " + std::to_string(port));
  }
  set_no_delay(true);
}

void Connection::set_no_delay(bool on) {
  const int value = on ? 1 : 0;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

Connection::Connection(Connection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), timeout_(other.timeout_), buffer_(std::move(other.buffer_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(timeout_, other.timeout_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

Connection::~Connection() {
  if (socket_ >= 0) ::close(socket_);
}

void Connection::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) throw std::system_error(errno, std::generic_category(), "send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::size_t Connection::send_what_fits(std::string_view bytes, std::chrono::steady_clock::duration patience) {
  std::size_t total = 0;
  while (total < bytes.size()) {
    pollfd poll_for{.fd = socket_, .events = POLLOUT, .revents = 0};
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(patience);
    if (::poll(&poll_for, 1, static_cast<int>(wait.count())) <= 0) break;
    const ssize_t sent = ::send(socket_, bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) break;
    total += static_cast<std::size_t>(sent);
  }
  return total;
}

Connection::Read Connection::read_some(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd poll_for{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&poll_for, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) return Read::kTimeout;
  char bytes[64 * 1024];
  const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
  if (count <= 0) return Read::kEnd;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return Read::kBytes;
}

std::optional<std::string> Connection::receive_unless_closed() {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  while (buffer_.size() < kHeader || buffer_.size() < kHeader + announced_length(buffer_)) {
    switch (read_some(deadline)) {
      case Read::kBytes:
        break;
      case Read::kEnd:
        return std::nullopt;
      case Read::kTimeout:
        throw std::runtime_error("no reply in time");
    }
  }
  const std::size_t length = announced_length(buffer_);
  std::string text = buffer_.substr(kHeader, length);
  buffer_.erase(0, kHeader + length);
  return text;
}

std::string Connection::receive() {
  auto reply = receive_unless_closed();
  if (!reply) throw std::runtime_error("the connection ended before the reply");
  return std::move(*reply);
}

bool Connection::closed_by_peer(std::chrono::steady_clock::duration timeout) {
  return buffer_.empty() && read_some(std::chrono::steady_clock::now() + timeout) == Read::kEnd;
}

void Connection::finish_sending() { ::shutdown(socket_, SHUT_WR); }

bool accepts_connections(std::uint16_t port) {
  const int socket = try_connect(port);
  if (socket >= 0) ::close(socket);
  return socket >= 0;
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  // The socket stays bound until this process ends: so the kernel gives the port to nobody who asks for any, and one
  // who asks for this one (with SO_REUSEADDR, as listeners do) gets it.
  return ntohs(address.sin_port);
}

}  // namespace walrus::test
