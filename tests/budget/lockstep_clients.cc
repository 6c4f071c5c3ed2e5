#include "tests/budget/lockstep_clients.h"

#include <sys/socket.h>

#include <string_view>
#include <unistd.h>
#include <utility>

#include "base/assert.h"

namespace walrus::budget {

namespace {
constexpr std::size_t kReceiveBytes = 64 * 1024;
}

LockstepClients::LockstepClients(LoneShard& shard, std::size_t connections, std::size_t depth,
                                 std::vector<Exchange> exchanges)
    : connections_(connections), depth_(depth), exchanges_(std::move(exchanges)), buffer_(kReceiveBytes, '\0') {
  for (Connection& connection : connections_) {
    connection.socket = shard.connect();
    // All of a round fits, so that sending never waits for the server, which is this thread.
    const int size = 4 * 1024 * 1024;
    ::setsockopt(connection.socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    fill(connection);
  }
}

LockstepClients::~LockstepClients() {
  for (const Connection& connection : connections_) ::close(connection.socket);
}

void LockstepClients::fill(Connection& connection) {
  connection.request.clear();
  connection.expected.clear();
  for (std::size_t i = 0; i < depth_; ++i) {
    const Exchange& exchange = exchanges_[next_exchange_++ % exchanges_.size()];
    connection.request += exchange.request;
    connection.expected += exchange.answer;
  }
}

void LockstepClients::send() {
  for (Connection& connection : connections_) {
    if (exchanges_.size() > 1) fill(connection);
    connection.received = 0;
    const ssize_t sent = ::send(connection.socket, connection.request.data(), connection.request.size(), MSG_NOSIGNAL);
    WALRUS_ASSERT(sent == static_cast<ssize_t>(connection.request.size()), "the socket takes a round");
  }
}

bool LockstepClients::receive() {
  bool complete = true;
  for (Connection& connection : connections_) {
    const std::string_view expected = std::string_view(connection.expected).substr(connection.received);
    if (expected.empty()) continue;
    const ssize_t size = ::recv(connection.socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    WALRUS_ASSERT(size != 0, "the server has closed a connection");
    if (size > 0) {
      const std::string_view got(buffer_.data(), static_cast<std::size_t>(size));
      WALRUS_ASSERT(expected.starts_with(got), "an answer that was not expected");
      connection.received += got.size();
    }
    complete = complete && connection.received == connection.expected.size();
  }
  return complete;
}

}  // namespace walrus::budget
