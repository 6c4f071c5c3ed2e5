#include "net/peer_connection.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "peer.pb.h"

namespace walrus::net {

namespace asio = boost::asio;
using boost::system::error_code;
using protocol::PeerFrameKind;

namespace {

constexpr int kPeerReadsPerTurn = 8;
constexpr std::size_t kMaxGather = 64;  // buffers in one system call

bool no_more_now(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}

}  // namespace

PeerConnection::PeerConnection(io::AsioLoop& loop, asio::ip::tcp::socket socket, PeerConnectionOptions options)
    : loop_(loop), socket_(std::move(socket)), options_(options), input_(limits::kPeerReadBytes) {}

void PeerConnection::start(Events events) {
  events_ = std::make_shared<const Events>(std::move(events));
  error_code ignored;  // what matters shows at the first read
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  arm_tick();
  await_readable();
}

void PeerConnection::close() {
  if (!std::exchange(open_, false)) return;
  error_code ignored;
  socket_.close(ignored);
  tick_.cancel();
  events_.reset();
}

void PeerConnection::abort(std::string why) {
  asio::post(loop_.context(), [self = shared_from_this(), why = std::move(why)]() mutable {
    self->fail_with(ErrorCode::kUnavailable, std::move(why));
  });
}

void PeerConnection::fail_with(ErrorCode code, std::string why) {
  if (!open_) return;
  const auto keep_alive = shared_from_this();
  const auto events = events_;
  close();
  if (events) events->on_closed({code, std::move(why)});
}

std::vector<std::uint64_t> PeerConnection::unsent_calls() const {
  std::vector<std::uint64_t> ids;
  for (std::size_t i = front_sent_ > 0 ? 1 : 0; i < queue_.size(); ++i) {
    if (queue_[i].call_id != 0) ids.push_back(queue_[i].call_id);
  }
  return ids;
}

// Reading.

void PeerConnection::await_readable() {
  socket_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](error_code) {
    if (self->open_) self->on_readable();
  });
}

void PeerConnection::on_readable() {
  for (int reads = 0; reads < kPeerReadsPerTurn && open_; ++reads) {
    if (!receive()) break;
  }
  if (open_) await_readable();
}

bool PeerConnection::receive() {
  char* into = large_ ? large_.get() + large_filled_ : input_.data() + input_end_;
  const std::size_t room = large_ ? large_size_ - large_filled_ : input_.size() - input_end_;
  WALRUS_ASSERT(room > 0);
  error_code error;
  const std::size_t size = socket_.read_some(asio::buffer(into, room), error);
  if (no_more_now(error)) return false;
  if (error) {
    fail_with(ErrorCode::kUnavailable, error == asio::error::eof ? "closed by the other side" : error.message());
    return false;
  }
  silent_ticks_ = 0;
  (large_ ? large_filled_ : input_end_) += size;
  if (const Status taken = take_frames(); !taken) {
    fail_with(taken.error().code, taken.error().detail);
    return false;
  }
  return size == room;
}

Status PeerConnection::take_frames() {
  if (large_) {
    if (large_filled_ < large_size_) return {};
    const auto whole = std::exchange(large_, nullptr);
    return take_frame({whole.get(), large_size_}, whole);
  }
  while (open_) {
    const std::string_view rest(input_.data() + input_begin_, input_end_ - input_begin_);
    WALRUS_ASSIGN(const std::size_t size, protocol::peer_frame_size(rest));
    if (size > input_.size()) {
      begin_large_frame(size);
      return {};
    }
    if (size == 0 || size > rest.size()) break;
    input_begin_ += size;
    WALRUS_TRY(take_frame(rest.substr(0, size), nullptr));
  }
  // What is left is less than a frame; it moves to the front to make room for the rest of it.
  std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
  input_end_ -= std::exchange(input_begin_, 0);
  return {};
}

void PeerConnection::begin_large_frame(std::size_t size) {
  // Not zeroed: memory is used as the bytes come, whatever the length says.
  large_ = std::make_shared_for_overwrite<char[]>(size);
  large_size_ = size;
  large_filled_ = input_end_ - input_begin_;
  std::memcpy(large_.get(), input_.data() + input_begin_, large_filled_);
  input_begin_ = input_end_ = 0;
}

Status PeerConnection::take_frame(std::string_view whole, std::shared_ptr<const void> owner) {
  WALRUS_ASSIGN(const protocol::PeerFrame frame, protocol::decode_peer_frame(whole));
  if (frame.type == peer::PING) return {};
  io::Message message{.type = frame.type, .header = std::string(frame.header), .body = {}};
  if (owner) {
    message.body = SharedBytes(std::move(owner), frame.body);
  } else if (!frame.body.empty()) {
    message.body = SharedBytes(std::string(frame.body));
  }
  const auto events = events_;
  events->on_frame(frame.kind, frame.call_id, std::move(message));
  return {};
}

// Writing.

Status PeerConnection::send(PeerFrameKind kind, std::uint64_t call_id, io::Message message) {
  if (!open_) return fail(ErrorCode::kUnavailable, "connection closed");
  WALRUS_ASSIGN(std::string head, protocol::encode_peer_frame({.type = message.type,
                                                               .kind = kind,
                                                               .call_id = call_id,
                                                               .header = message.header,
                                                               .body = message.body.view()}));
  const std::size_t size = head.size() + message.body.size();
  if (!queue_.empty() && queued_bytes_ + size > options_.max_queued_bytes) {
    return fail(ErrorCode::kOverloaded, "queue to the node is full");
  }
  queue_.push_back({std::move(head), std::move(message.body), kind == PeerFrameKind::kCall ? call_id : 0});
  queued_bytes_ += size;
  schedule_write();
  return {};
}

void PeerConnection::schedule_write() {
  if (write_scheduled_ || awaiting_writable_) return;
  write_scheduled_ = true;
  asio::post(loop_.context(), [self = shared_from_this()] {
    self->write_scheduled_ = false;
    if (self->open_) self->write();
  });
}

void PeerConnection::write() {
  while (!queue_.empty()) {
    gather_.clear();
    std::size_t skip = front_sent_;
    for (const Outgoing& frame : queue_) {
      if (gather_.size() + 2 > kMaxGather) break;
      if (skip < frame.head.size()) gather_.push_back(asio::buffer(frame.head) + skip);
      const std::size_t skip_body = skip > frame.head.size() ? skip - frame.head.size() : 0;
      if (!frame.body.empty()) gather_.push_back(asio::buffer(frame.body.view()) + skip_body);
      skip = 0;
    }
    error_code error;
    const std::size_t written = socket_.write_some(gather_, error);
    if (no_more_now(error)) {
      awaiting_writable_ = true;
      socket_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](error_code) {
        self->awaiting_writable_ = false;
        if (self->open_) self->write();
      });
      return;
    }
    if (error) {
      fail_with(ErrorCode::kUnavailable, error.message());
      return;
    }
    consume(written);
  }
}

void PeerConnection::consume(std::size_t written) {
  sent_since_tick_ = true;
  queued_bytes_ -= written;
  written += front_sent_;
  while (!queue_.empty() && written >= queue_.front().size()) {
    written -= queue_.front().size();
    queue_.pop_front();
  }
  front_sent_ = written;
}

// Liveness.

void PeerConnection::arm_tick() {
  tick_ = loop_.after(options_.ping_interval, [weak = weak_from_this()] {
    if (const auto self = weak.lock(); self && self->open_) self->tick();
  });
}

void PeerConnection::tick() {
  // Counted in ticks of our own, not in time: after a pause of this process what has arrived is read first.
  if (++silent_ticks_ * options_.ping_interval > options_.silence_limit) {
    fail_with(ErrorCode::kUnavailable, "nothing heard from the other side");
    return;
  }
  if (!std::exchange(sent_since_tick_, false) && queue_.empty()) {
    std::ignore = send(PeerFrameKind::kOneWay, 0, {.type = peer::PING, .header = {}, .body = {}});
  }
  arm_tick();
}

}  // namespace walrus::net
