// The client sessions of one shard and what they share: the read buffer, the sink, the list of those that have
// something to write, the sweep for deadlines.
//
// Thread rule: the loop thread of `context`, except where a call says otherwise. The group outlives its sessions:
// stop() first, destroy when it is done.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/limits.h"
#include "broker/request_sink.h"
#include "net/client_session.h"
#include "net/large_frames.h"

namespace walrus::net {

struct SessionOptions {
  std::size_t max_frame_bytes = limits::kMaxFrameBytes;
  std::size_t max_client_bytes = limits::kMaxClientBytes;
  std::size_t max_large_frames_bytes = limits::kMaxLargeFramesBytes;
  std::uint64_t bytes_per_second = 0;  ///< of requests and replies of one connection; 0: no limit
  NodeId node = {};                    ///< for HELLO
  std::chrono::milliseconds sweep_interval = std::chrono::seconds(1);
  std::chrono::milliseconds partial_frame_timeout = limits::kPartialFrameTimeout;
  std::chrono::milliseconds stalled_reply_timeout = limits::kStalledReplyTimeout;
  std::chrono::milliseconds linger_timeout = limits::kLingerTimeout;
};

/// Client connections of all shards together; any thread.
struct ConnectionCount {
  std::atomic<std::size_t> open{0};
};

class SessionGroup {
 public:
  SessionGroup(boost::asio::io_context& context, broker::RequestSink& sink, SessionOptions options,
               std::shared_ptr<ConnectionCount> count);
  ~SessionGroup();
  SessionGroup(const SessionGroup&) = delete;
  SessionGroup& operator=(const SessionGroup&) = delete;

  /// Takes a connection over; it has been counted in `count` already. `refusal`, if any, is all that the client hears.
  void adopt(boost::asio::ip::tcp::socket socket, std::optional<Error> refusal = {});

  /// Answers what is in flight, for `patience` at most, closes all, then runs `stopped`.
  void stop(std::chrono::milliseconds patience, std::move_only_function<void()> stopped);

  std::size_t sessions() const { return sessions_.size(); }
  /// Bytes that all sessions together hold or may be made to hold.
  std::size_t held_bytes() const { return held_bytes_; }
  /// Memory that the sessions have allocated for buffers, used or not.
  std::size_t buffer_bytes() const;
  bool stopping() const { return static_cast<bool>(stopped_); }

  /// Any thread.
  boost::asio::io_context& context() { return context_; }

  // For sessions.
  broker::RequestSink& sink() { return sink_; }
  const SessionOptions& options() const { return options_; }
  std::vector<char>& read_buffer() { return read_buffer_; }
  /// turn() is called at the end of this turn of the loop.
  void schedule(std::shared_ptr<ClientSession> session);
  void remove(ClientSession& session);
  void change_held(std::size_t before, std::size_t now);
  LargeFrames& large_frames() { return large_frames_; }
  bool crowded() const { return held_bytes_ >= options_.max_client_bytes; }
  /// Number of the current sweep; the coarse clock of the deadlines.
  std::uint64_t sweep_number() const { return sweep_number_; }
  std::uint64_t sweeps_in(std::chrono::milliseconds time) const;

 private:
  void run_scheduled();
  void arm_sweep();
  void sweep();
  void finish_stop();

  boost::asio::io_context& context_;
  broker::RequestSink& sink_;
  const SessionOptions options_;
  std::shared_ptr<ConnectionCount> count_;
  std::vector<char> read_buffer_;
  LargeFrames large_frames_;
  std::vector<std::shared_ptr<ClientSession>> sessions_;
  std::vector<std::shared_ptr<ClientSession>> scheduled_;
  std::vector<std::shared_ptr<ClientSession>> running_;  // what run_scheduled() works on; kept for its memory
  std::size_t held_bytes_ = 0;
  std::uint64_t sweep_number_ = 0;
  bool sweeping_ = false;
  boost::asio::steady_timer sweep_timer_;
  boost::asio::steady_timer stop_timer_;
  std::move_only_function<void()> stopped_;
};

}  // namespace walrus::net
