#include "tests/unit/net/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <unistd.h>
#include <utility>

#include "base/assert.h"
#include "base/bytes.h"
#include "protocol/frame.h"

namespace walrus::net {

RawClient::RawClient(std::uint16_t port, int receive_buffer) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
  WALRUS_ASSERT(descriptor_ >= 0);
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (receive_buffer > 0) {
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  WALRUS_ASSERT(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

RawClient::RawClient(RawClient&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

RawClient::~RawClient() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

bool RawClient::send_frame(std::string_view text) { return send(frame(text)); }

std::size_t RawClient::send_without_waiting(std::string_view bytes) {
  const ssize_t size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

bool RawClient::receive(char* into, std::size_t size) {
  while (size > 0) {
    const ssize_t received = ::recv(descriptor_, into, size, 0);
    if (received <= 0) return false;
    into += received;
    size -= static_cast<std::size_t>(received);
  }
  return true;
}

std::optional<std::string> RawClient::reply() {
  char length[protocol::kFrameHeaderBytes];
  if (!receive(length, sizeof length)) return std::nullopt;
  std::string text(load_little<std::uint32_t>(length), '\0');
  if (!receive(text.data(), text.size())) return std::nullopt;
  return text;
}

std::string RawClient::ask(std::string_view text) {
  if (!send_frame(text)) return "(cannot send)";
  return reply().value_or("(no reply)");
}

std::string RawClient::rest() {
  std::string bytes;
  char some[4096];
  for (ssize_t size = 0; (size = ::recv(descriptor_, some, sizeof some, 0)) > 0;) {
    bytes.append(some, static_cast<std::size_t>(size));
  }
  return bytes;
}

bool RawClient::closed_by_server() {
  char byte = 0;
  const ssize_t received = ::recv(descriptor_, &byte, 1, 0);
  return received == 0 || (received < 0 && errno == ECONNRESET);
}

void RawClient::finish_sending() { ::shutdown(descriptor_, SHUT_WR); }

void RawClient::set_no_delay() {
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::string frame(std::string_view text) {
  std::string bytes;
  protocol::append_frame(bytes, text);
  return bytes;
}

}  // namespace walrus::net
