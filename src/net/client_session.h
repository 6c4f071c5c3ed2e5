// One client's connection: frames in, requests to the broker, answers out in the order of the requests.
//
// Happy path: the socket becomes readable; everything it holds is read into the group's buffer, each whole frame in it
// is parsed and submitted from there (no copy), then the sink is flushed once. Answers come by slot, now or later; the
// group writes what has become due with one system call per turn of the loop.
//
// Order: requests of the same verb run together; a request of another verb waits until all before it are answered, so
// that pipelined requests read as if each had been waited for.
//
// Bounds: limits::kMaxPipelinedRequests and kMaxPipelinedBytes, counting requests, replies that may come and replies
// that the client has not taken. At a bound the session stops reading until there is room again; before it reads a
// frame that is large it takes room from what all sessions share (LargeFrames). Who has used up its bytes a second is
// not read from for a while, either. An idle session holds no buffers.
//
// Failure: what a client does wrong costs its own connection at most. Half a frame without a further byte, or replies
// that nobody takes, close it in time (limits.h). After the client's end of stream the requests read are still
// answered. Answers that come after the close are dropped.
//
// Loop thread of the group only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/request_sink.h"
#include "io/rate_limit.h"
#include "net/answer_queue.h"
#include "net/output_queue.h"
#include "protocol/frame.h"
#include "protocol/text.h"

namespace walrus::net {

class SessionGroup;

class ClientSession final : public broker::AnswerSink, public std::enable_shared_from_this<ClientSession> {
 public:
  ClientSession(SessionGroup& group, boost::asio::ip::tcp::socket socket);

  /// Starts reading.
  void start();
  /// Says `error` to the client and closes.
  void refuse(const Error& error);
  /// Reads no more; closes when what was submitted is answered.
  void drain();
  void close();

  void answer(std::uint64_t slot, const broker::Answer& answer) override;
  void park(std::uint64_t slot) override;
  void flush() override;

  // For the group.
  /// Goes on with what waited for answers, and writes.
  void turn();
  /// Once per sweep interval: deadlines, and the memory of the idle.
  void sweep();
  /// Memory allocated for buffers, used or not.
  std::size_t buffer_bytes() const;
  std::size_t registry_index = 0;

 private:
  enum class Phase : std::uint8_t {
    kOpen,
    kEnding,     // nothing more is read; closes when all is answered and written
    kLingering,  // our direction is shut down; what comes is dropped until the client closes, too
    kClosed,
  };

  void await_readable();
  void on_readable();
  /// Reads into the group's buffer; false when the socket is drained or has ended.
  bool receive();
  void take_fresh(std::string_view fresh);
  /// Takes whole frames off the front of `input` until it is blocked or at an end.
  void take_frames(std::string_view& input);
  /// False when the request has to wait for the answers to those before it.
  bool take_request(std::string_view text);
  /// HELLO: what this connection may send from now on.
  void greet(const protocol::Hello& hello);
  /// False when the frame that `input` begins with is so large that it has to wait for room.
  bool has_room_for_frame(std::string_view input);
  bool on_room_granted(std::size_t bytes);
  void enter_room(std::size_t bytes);
  /// Once nothing of a large frame is held any more.
  void leave_room();
  bool overdue_large_frame() const;
  /// How much may be read at once, so that a slow connection is read from often.
  std::size_t read_size() const;
  /// `bytes` went over the connection: nothing more is read before that many were allowed.
  void charge(std::size_t bytes);
  /// What the request may make us hold: its own payload, or the answer to it, which will be about as long as the last.
  std::size_t charge_of(const protocol::Request& request, std::size_t bytes) const;
  void take_input();
  void answer_error(const Error& error);
  bool may_take() const;
  bool mid_frame() const { return !held_input().empty() || decoder_.skipping(); }
  std::string_view held_input() const { return std::string_view(input_).substr(input_taken_); }
  std::size_t held_bytes() const;
  /// Has the kernel acknowledge now what it received, see docs/protocol/text.md.
  void acknowledge_now();

  void write_output();
  void await_writable();
  /// The end of each turn: goes on reading, or ends what is done.
  void settle();
  void linger();

  SessionGroup& group_;
  boost::asio::ip::tcp::socket socket_;
  protocol::FrameDecoder decoder_;
  AnswerQueue answers_;
  std::string input_;  // from input_taken_ on: read, but not taken; half a frame, or frames that must wait
  std::size_t input_taken_ = 0;
  OutputQueue output_;                        // frames that the socket has not taken
  std::shared_ptr<broker::AnswerSink> self_;  // what the broker gets; until the close
  std::optional<protocol::Verb> verb_;        // of the requests that are unanswered
  Phase phase_ = Phase::kOpen;
  std::size_t last_answer_bytes_ = 0;
  std::size_t large_bytes_ = 0;    // of room taken for a large frame
  std::uint64_t large_since_ = 0;  // sweep in which it was taken
  bool large_submitted_ = false;   // the frame that the room was taken for
  bool awaiting_room_ = false;
  io::RateLimit rate_;
  std::unique_ptr<boost::asio::steady_timer> throttle_;  // while nothing is read because of rate_
  bool blocked_ = false;                                 // input_ waits for answers or for room; nothing is read
  bool linger_at_end_ = false;
  bool awaiting_readable_ = false;
  bool awaiting_writable_ = false;
  bool scheduled_ = false;  // in the group's list for the next turn
  bool used_ = false;       // since the last sweep
  std::size_t reported_held_ = 0;
  std::uint64_t last_read_ = 0;   // sweep of the last byte read
  std::uint64_t last_write_ = 0;  // sweep in which the socket last filled up, or lingering began
};

}  // namespace walrus::net
