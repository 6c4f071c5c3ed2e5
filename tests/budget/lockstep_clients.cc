#include "tests/budget/lockstep_clients.h"

#include <sys/socket.h>

#include <charconv>
#include <unistd.h>
#include <utility>

#include "base/assert.h"
#include "base/bytes.h"
#include "protocol/frame.h"

namespace walrus::budget {

namespace {
constexpr std::size_t kReceiveBytes = 1024 * 1024;

/// "OK <first> <count> …" to a FETCH; 1 for every other answer.
std::uint64_t records_in(std::string_view text, std::string_view beginning) {
  if (beginning != kFetchAnswer) return 1;
  const auto behind_first = text.find(' ', beginning.size());
  WALRUS_ASSERT(behind_first != std::string_view::npos, "the answer to a FETCH");
  std::uint64_t count = 0;
  std::from_chars(text.data() + behind_first + 1, text.data() + text.size(), count);
  WALRUS_ASSERT(count > 0, "there are records to fetch");
  return count;
}

}  // namespace

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
    connection.expected.push_back(exchange.answer);
  }
}

void LockstepClients::send() {
  for (Connection& connection : connections_) {
    if (exchanges_.size() > 1) fill(connection);
    connection.answered = 0;
    const ssize_t sent = ::send(connection.socket, connection.request.data(), connection.request.size(), MSG_NOSIGNAL);
    WALRUS_ASSERT(sent == static_cast<ssize_t>(connection.request.size()), "the socket takes a round");
  }
}

bool LockstepClients::receive() {
  bool complete = true;
  for (Connection& connection : connections_) {
    if (connection.answered == depth_) continue;
    const ssize_t size = ::recv(connection.socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    WALRUS_ASSERT(size != 0, "the server has closed a connection");
    if (size > 0) connection.received.append(buffer_.data(), static_cast<std::size_t>(size));
    take_answers(connection);
    complete = complete && connection.answered == depth_;
  }
  return complete;
}

void LockstepClients::take_answers(Connection& connection) {
  std::string_view rest = connection.received;
  while (rest.size() >= protocol::kFrameHeaderBytes) {
    const auto length = load_little<std::uint32_t>(rest.data());
    if (rest.size() - protocol::kFrameHeaderBytes < length) break;
    const std::string_view text = rest.substr(protocol::kFrameHeaderBytes, length);
    WALRUS_ASSERT(connection.answered < depth_, "as many answers as requests");
    const std::string_view beginning = connection.expected[connection.answered++];
    WALRUS_ASSERT(text.starts_with(beginning), "an answer that was not expected");
    done_ += records_in(text, beginning);
    rest.remove_prefix(protocol::kFrameHeaderBytes + length);
  }
  connection.received.erase(0, connection.received.size() - rest.size());
}

}  // namespace walrus::budget
