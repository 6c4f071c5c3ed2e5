// The socket of a Connection with its two buffers, and the count of what is in flight. Frames are queued at the back of
// the one buffer and leave when take() is called; answers are taken off the front of the other. The socket is touched
// only when no whole answer is waiting.
//
// A break (end of stream, reset, a reply that is no reply) is remembered and reported by take() only when every whole
// answer before it has been handed out. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/frame.h"
#include "walrus/client/connection.h"

namespace walrus::client {

class Connection::Wire {
 public:
  explicit Wire(Options options);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  const Options& options() const { return options_; }
  std::string address() const { return options_.endpoints[endpoint_].text(); }
  std::size_t in_flight() const { return queued_ - answered_; }
  std::size_t unsent_bytes() const { return out_.size() - out_sent_; }

  void enqueue(std::string_view head, std::string_view tail);
  /// A connection that is not known to be dead.
  Result<void> ensure_connected();
  /// Writes and reads what the socket takes and has, without waiting. The next answer, nothing yet, or why there will
  /// be none; after an error everything in flight is forgotten.
  Result<std::optional<Reply>> take();
  /// As Connection::wait_ready().
  void wait(std::span<const int> also);
  void close();

 private:
  void send_some();
  void receive_some();
  std::optional<Reply> take_received();
  void break_off(ErrorKind kind, std::string reason);
  Error end_of_connection();
  bool peer_has_gone() const;

  Options options_;
  std::size_t endpoint_ = 0;  // in use, or the first to be tried
  int socket_ = -1;

  std::string out_;               // whole frames
  std::size_t out_sent_ = 0;      // bytes of out_ that the system took
  std::size_t out_complete_ = 0;  // end of the last frame of out_ that it took whole; ≤ out_sent_

  std::string in_;
  std::size_t in_taken_ = 0;  // bytes of in_ that were handed out
  protocol::FrameDecoder decoder_;

  // Requests since the connection was made: answered_ ≤ sent_ ≤ queued_.
  std::uint64_t queued_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  std::chrono::steady_clock::time_point last_progress_;  // a byte came, or went while no answer was owed

  std::optional<Error> broken_;
  bool silent_ = false;  // broken off by us for its silence: the next address goes first
};

}  // namespace walrus::client
