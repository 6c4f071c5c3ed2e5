#include "net/client_session.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "net/session_group.h"

namespace walrus::net {

namespace asio = boost::asio;
using boost::system::error_code;
using protocol::FrameDecoder;
using protocol::Verb;

namespace {

/// Reads of one session before others have their turn.
constexpr int kClientReadsPerTurn = 4;
/// More memory than this is freed as soon as it is empty.
constexpr std::size_t kKeptInputBytes = 2 * limits::kClientReadBytes;

void drop_front(std::string& bytes, std::size_t& dropped, std::size_t more) {
  dropped += more;
  if (dropped == bytes.size()) {
    bytes.clear();
    dropped = 0;
  } else if (dropped > bytes.size() / 2) {
    bytes.erase(0, dropped);
    dropped = 0;
  }
}

std::size_t write_pieces(asio::ip::tcp::socket& socket, std::span<const std::string_view> pieces, error_code& error) {
  if (pieces.size() == 1) return socket.write_some(asio::buffer(pieces.front()), error);
  std::array<asio::const_buffer, OutputQueue::kMostPieces> buffers;
  std::ranges::transform(pieces, buffers.begin(), [](std::string_view piece) { return asio::buffer(piece); });
  return socket.write_some(std::span<const asio::const_buffer>(buffers).first(pieces.size()), error);
}

/// Assigning an empty string would keep the capacity.
void free_memory(std::string& bytes) { std::string().swap(bytes); }

}  // namespace

ClientSession::ClientSession(SessionGroup& group, asio::ip::tcp::socket socket)
    : group_(group),
      socket_(std::move(socket)),
      decoder_(group.options().max_frame_bytes),
      rate_(group.options().bytes_per_second),
      last_read_(group.sweep_number()),
      last_write_(group.sweep_number()) {}

void ClientSession::start() {
  error_code ignored;  // a socket that refuses these works without them
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.non_blocking(true, ignored);
  self_ = shared_from_this();
  await_readable();
}

void ClientSession::refuse(const Error& error) {
  phase_ = Phase::kEnding;
  linger_at_end_ = true;
  start();
  append_answer(output_, {broker::Answer::Kind::kError, error.message()});
  flush();
}

void ClientSession::drain() {
  if (phase_ == Phase::kLingering) close();
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kEnding;
  settle();
}

void ClientSession::close() {
  if (phase_ == Phase::kClosed) return;
  const auto keep_alive = shared_from_this();
  phase_ = Phase::kClosed;
  error_code ignored;
  socket_.close(ignored);
  free_memory(input_);
  output_.clear();
  input_taken_ = 0;
  self_.reset();
  throttle_.reset();
  group_.large_frames().give_back(std::exchange(large_bytes_, 0));
  group_.change_held(std::exchange(reported_held_, 0), 0);
  group_.remove(*this);
}

// Reading.

void ClientSession::await_readable() {
  if (awaiting_readable_) return;
  awaiting_readable_ = true;
  socket_.async_wait(asio::socket_base::wait_read, [self = shared_from_this(), this](error_code) {
    awaiting_readable_ = false;
    if (phase_ != Phase::kClosed) on_readable();
  });
}

void ClientSession::on_readable() {
  used_ = true;
  for (int reads = 0; reads < kClientReadsPerTurn && !blocked_ && !throttle_; ++reads) {
    if (!receive()) break;
  }
  if (phase_ == Phase::kClosed) return;
  group_.sink().flush();
  settle();
}

bool ClientSession::receive() {
  if (phase_ != Phase::kOpen && phase_ != Phase::kLingering) return false;
  auto& buffer = group_.read_buffer();
  error_code error;
  const std::size_t size = socket_.read_some(asio::buffer(buffer.data(), read_size()), error);
  if (error == asio::error::would_block || error == asio::error::try_again) return false;
  if (error == asio::error::eof && phase_ == Phase::kOpen) {
    phase_ = Phase::kEnding;
    return false;
  }
  if (error) {
    close();
    return false;
  }
  last_read_ = group_.sweep_number();
  if (phase_ == Phase::kOpen) take_fresh({buffer.data(), size});
  charge(size);
  if (size == read_size()) return true;
  if (phase_ == Phase::kOpen && !blocked_ && mid_frame()) acknowledge_now();
  return false;
}

void ClientSession::acknowledge_now() {
  const int on = 1;
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void ClientSession::take_fresh(std::string_view fresh) {
  // Only what completes the frame that has begun goes through input_; the frames behind it are taken where they are.
  while (!input_.empty() && !fresh.empty() && !blocked_ && phase_ == Phase::kOpen) {
    const std::size_t size = std::min(decoder_.missing(held_input()), fresh.size());
    input_.append(fresh.substr(0, size));
    fresh.remove_prefix(size);
    take_input();
  }
  if (input_.empty() && phase_ == Phase::kOpen) take_frames(fresh);
  if (phase_ == Phase::kOpen) input_.append(fresh);
}

void ClientSession::take_input() {
  std::string_view input = held_input();
  const std::size_t before = input.size();
  take_frames(input);
  drop_front(input_, input_taken_, before - input.size());
  if (input_.empty() && input_.capacity() > kKeptInputBytes) free_memory(input_);
}

void ClientSession::take_frames(std::string_view& input) {
  while (!input.empty()) {
    if (!may_take()) {
      blocked_ = true;
      return;
    }
    const std::string_view before = input;
    const FrameDecoder::Step step = decoder_.next(input);
    switch (step.event) {
      case FrameDecoder::Event::kNeedMore:
        blocked_ = !has_room_for_frame(input);
        return;
      case FrameDecoder::Event::kInvalidLength:
        answer_error({ErrorCode::kInvalidFrameLength, {}});
        break;
      case FrameDecoder::Event::kMustClose:
        answer_error({ErrorCode::kInvalidFrameLength, {}});
        phase_ = Phase::kEnding;
        linger_at_end_ = true;
        return;
      case FrameDecoder::Event::kFrame:
        if (step.text.size() > limits::kMaxFrameBytes) large_submitted_ = true;
        if (!take_request(step.text)) {
          const char* frame = step.text.data() - protocol::kFrameHeaderBytes;
          input = before.substr(static_cast<std::size_t>(frame - before.data()));
          blocked_ = true;
          return;
        }
        break;
    }
  }
}

bool ClientSession::take_request(std::string_view text) {
  const auto request = protocol::parse_request(text);
  if (!request) {
    answer_error(request.error());
    return true;
  }
  if (verb_ != request->verb) {
    if (!answers_.empty()) return false;
    verb_ = request->verb;
  }
  if (request->verb == Verb::kHello) {
    greet(request->get<protocol::Hello>());
    return true;
  }
  group_.sink().submit(*request, self_, answers_.open(charge_of(*request, text.size())));
  return true;
}

std::size_t ClientSession::charge_of(const protocol::Request& request, std::size_t bytes) const {
  if (protocol::is_write(request.verb)) return bytes;
  if (request.verb == Verb::kFetch) return request.get<protocol::FetchArguments>().bounds.bytes;
  if (request.verb == Verb::kLease) return limits::kGroupReadBytes;
  if (request.verb == Verb::kRead) {
    const auto read = request.get<protocol::GroupArguments>();
    return std::min<std::size_t>(read.bounds.bytes,
                                 read.wait_ms > 0 ? limits::kFairClientBytes : limits::kGroupReadBytes);
  }
  return std::max(group_.options().max_frame_bytes, last_answer_bytes_);
}

void ClientSession::answer_error(const Error& error) {
  const std::uint64_t slot = answers_.open(0);
  answers_.answer(slot, {broker::Answer::Kind::kError, error.message()}, output_);
  flush();
}

bool ClientSession::may_take() const {
  if (answers_.empty() && output_.empty()) return true;
  if (answers_.size() >= limits::kMaxPipelinedRequests) return false;
  const std::size_t held = held_bytes();
  return held < limits::kMaxPipelinedBytes && (held < limits::kFairClientBytes || !group_.crowded());
}

std::size_t ClientSession::held_bytes() const { return answers_.held_bytes() + held_input().size() + output_.size(); }

std::size_t ClientSession::buffer_bytes() const {
  const auto allocated = [](const std::string& buffer) {
    return buffer.capacity() > std::string().capacity() ? buffer.capacity() : 0;
  };
  return allocated(input_) + output_.allocated_bytes() + answers_.allocated_bytes();
}

// Answering.

void ClientSession::answer(std::uint64_t slot, const broker::Answer& answer) {
  if (phase_ == Phase::kClosed) return;
  last_answer_bytes_ = answer.payload.size();
  for (const SharedBytes& bytes : answer.body) last_answer_bytes_ += bytes.size();
  answers_.answer(slot, answer, output_);
}

void ClientSession::park(std::uint64_t slot) {
  if (phase_ == Phase::kClosed) return;
  answers_.change_charge(slot, limits::kWaitingReadBytes);
  flush();
}

void ClientSession::flush() {
  if (scheduled_ || phase_ == Phase::kClosed) return;
  scheduled_ = true;
  group_.schedule(shared_from_this());
}

void ClientSession::turn() {
  scheduled_ = false;
  if (phase_ == Phase::kClosed) return;
  used_ = true;
  write_output();
  if (blocked_ && phase_ == Phase::kOpen) {
    blocked_ = false;
    last_read_ = group_.sweep_number();
    take_input();
    group_.sink().flush();
  }
  settle();
}

void ClientSession::write_output() {
  if (awaiting_writable_) return;
  while (!output_.empty()) {
    error_code error;
    const std::size_t size = write_pieces(socket_, output_.pieces(), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      last_write_ = group_.sweep_number();
      await_writable();
      return;
    }
    if (error) {
      close();
      return;
    }
    output_.drop(size);
    charge(size);
  }
}

void ClientSession::await_writable() {
  awaiting_writable_ = true;
  socket_.async_wait(asio::socket_base::wait_write, [self = shared_from_this(), this](error_code) {
    awaiting_writable_ = false;
    if (phase_ != Phase::kClosed) turn();
  });
}

// Ending.

void ClientSession::settle() {
  if (phase_ == Phase::kClosed) return;
  leave_room();
  if (phase_ == Phase::kEnding && answers_.empty() && output_.empty()) {
    if (!linger_at_end_) {
      close();
      return;
    }
    linger();
  }
  if (phase_ == Phase::kLingering || (phase_ == Phase::kOpen && !blocked_ && !throttle_)) await_readable();
  const std::size_t held = held_bytes();
  group_.change_held(std::exchange(reported_held_, held), held);
}

void ClientSession::linger() {
  // A close while the client is still sending would reset the connection, and with it the answer on its way.
  phase_ = Phase::kLingering;
  last_write_ = group_.sweep_number();
  free_memory(input_);
  input_taken_ = 0;
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void ClientSession::sweep() {
  const auto& options = group_.options();
  const auto older = [this](std::uint64_t since, std::chrono::milliseconds limit) {
    return group_.sweep_number() - since > group_.sweeps_in(limit);
  };
  const bool half_frame = phase_ == Phase::kOpen && !blocked_ && !throttle_ && mid_frame();
  if ((half_frame && overdue_large_frame()) || (half_frame && older(last_read_, options.partial_frame_timeout)) ||
      (awaiting_writable_ && older(last_write_, options.stalled_reply_timeout)) ||
      (phase_ == Phase::kLingering && older(last_write_, options.linger_timeout))) {
    close();
    return;
  }
  if (!std::exchange(used_, false) && answers_.empty()) {
    answers_.release();
    output_.release();
    if (input_.empty()) free_memory(input_);
  }
}

}  // namespace walrus::net
