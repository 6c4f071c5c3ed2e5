// A client with a plain blocking socket that can do everything wrong. Reads give up after ten seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace walrus::net {

class RawClient {
 public:
  /// `receive_buffer`: SO_RCVBUF, 0 for the system's.
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient();

  /// False when the connection is gone.
  bool send(std::string_view bytes);
  bool send_frame(std::string_view text);
  /// Sends what fits now and returns how much that was.
  std::size_t send_without_waiting(std::string_view bytes);

  /// The text of the next frame; nothing at the end of the stream, on a reset or after ten seconds.
  std::optional<std::string> reply();
  std::string ask(std::string_view text);

  /// All bytes up to the end of the stream.
  std::string rest();
  /// Waits for the other side's end of the connection.
  bool closed_by_server();
  void finish_sending();
  void set_no_delay();

 private:
  bool receive(char* into, std::size_t size);
  int descriptor_;
};

/// The bytes of a frame.
std::string frame(std::string_view text);

}  // namespace walrus::net
