// One TCP connection between two nodes, whichever of them opened it: whole frames in, whole frames out.
//
// Happy path: send() queues a frame; all that were queued in one turn of the loop leave with one system call. What
// comes is checked, cut into frames and handed to `on_frame`, in order. Each side sends something at least every
// kPeerPingInterval.
//
// Failure: the first trouble closes the connection, and `on_closed` tells why, once: broken by the other side, a frame
// that does not add up, or nothing heard for kPeerSilenceLimit (a half-open connection). A full queue is an error of
// send() alone.
//
// Loop thread only. No callback runs inside send(), or after close().
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "io/asio_loop.h"
#include "io/transport.h"
#include "protocol/peer_frame.h"

namespace walrus::net {

struct PeerConnectionOptions {
  io::Duration ping_interval = limits::kPeerPingInterval;
  io::Duration silence_limit = limits::kPeerSilenceLimit;
  std::size_t max_queued_bytes = limits::kMaxPeerQueuedBytes;
};

class PeerConnection : public std::enable_shared_from_this<PeerConnection> {
 public:
  struct Events {
    std::function<void(protocol::PeerFrameKind kind, std::uint64_t call_id, io::Message message)> on_frame;
    std::function<void(const Error& why)> on_closed;
  };

  /// `socket` is connected and belongs to `loop`.
  PeerConnection(io::AsioLoop& loop, boost::asio::ip::tcp::socket socket, PeerConnectionOptions options = {});

  void start(Events events);
  /// kOverloaded when the queue is full, kTooLarge, kUnavailable after the close; nothing is queued then.
  Status send(protocol::PeerFrameKind kind, std::uint64_t call_id, io::Message message);
  void close();
  /// Closes and has `on_closed` run, soon.
  void abort(std::string why);

  bool is_open() const { return open_; }
  std::size_t queued_bytes() const { return queued_bytes_; }
  /// Ids of the calls of which no byte has left; for on_closed.
  std::vector<std::uint64_t> unsent_calls() const;

 private:
  struct Outgoing {
    std::string head;
    SharedBytes body;
    std::uint64_t call_id = 0;  // 0 unless it is a call
    std::size_t size() const { return head.size() + body.size(); }
  };

  void await_readable();
  void on_readable();
  /// False when there is nothing more to read now.
  bool receive();
  Status take_frames();
  Status take_frame(std::string_view whole, std::shared_ptr<const void> owner);
  void begin_large_frame(std::size_t size);

  void schedule_write();
  void write();
  void consume(std::size_t written);

  void arm_tick();
  void tick();
  void fail_with(ErrorCode code, std::string why);

  io::AsioLoop& loop_;
  boost::asio::ip::tcp::socket socket_;
  const PeerConnectionOptions options_;
  std::shared_ptr<const Events> events_;  // shared with a call of one of them, which may close the connection
  bool open_ = true;

  std::vector<char> input_;      // frames up to its size
  std::size_t input_begin_ = 0;  // of what is not taken yet
  std::size_t input_end_ = 0;
  std::shared_ptr<char[]> large_;  // a frame that does not fit: gathered here, and handed on without a copy
  std::size_t large_size_ = 0;
  std::size_t large_filled_ = 0;

  std::deque<Outgoing> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t front_sent_ = 0;  // bytes of the first frame in the queue that have left
  std::vector<boost::asio::const_buffer> gather_;
  bool write_scheduled_ = false;
  bool awaiting_writable_ = false;

  io::Timer tick_;
  bool sent_since_tick_ = false;
  std::int64_t silent_ticks_ = 0;
};

}  // namespace walrus::net
