// A raw client connection: bytes and frames as the protocol's document has them, deliberately without any code of the
// server's, so that the two cannot be wrong together. Blocking, every wait with a deadline; throws std::runtime_error
// when the deadline passes or the connection ends where a reply was due. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/harness/eventually.h"

namespace walrus::test {

/// [u32 little-endian length][text]
std::string frame(std::string_view text);

class Connection {
 public:
  explicit Connection(std::uint16_t port, std::chrono::steady_clock::duration timeout = kPatience);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  void send_bytes(std::string_view bytes);
  /// Sends until all is sent or nothing could be for `patience`; how many bytes went.
  std::size_t send_what_fits(std::string_view bytes, std::chrono::steady_clock::duration patience);
  void send(std::string_view text) { send_bytes(frame(text)); }

  /// The text of the next reply.
  std::string receive();
  /// The text of the next reply, or nothing when the connection ended (or broke) before it.
  std::optional<std::string> receive_unless_closed();

  std::string request(std::string_view text) {
    send(text);
    return receive();
  }

  /// True when the node has closed the connection without sending anything more; false when it did not in time.
  bool closed_by_peer(std::chrono::steady_clock::duration timeout = kPatience);
  void finish_sending();       ///< half close
  void set_no_delay(bool on);  ///< TCP_NODELAY, on unless switched off here

 private:
  enum class Read { kBytes, kEnd, kTimeout };
  Read read_some(std::chrono::steady_clock::time_point deadline);

  int socket_ = -1;
  std::chrono::steady_clock::duration timeout_;
  std::string buffer_;
};

/// True when something accepts connections at this port of 127.0.0.1.
bool accepts_connections(std::uint16_t port);

/// A port of 127.0.0.1 that a node of this process can listen on, again and again, and that the kernel gives to nobody
/// else while this process lives.
std::uint16_t free_port();

}  // namespace walrus::test
