// What a connection may send: what HELLO changes, the room that large frames take, bytes a second.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "net/client_session.h"
#include "net/session_group.h"
#include "protocol/write_options.h"

namespace walrus::net {

namespace {
/// Of a connection whose bytes a second are limited.
constexpr std::uint64_t kReadsPerSecond = 8;
constexpr std::size_t kSmallestRead = 512;
}  // namespace

void ClientSession::greet(const protocol::Hello& hello) {
  const SessionOptions& options = group_.options();
  if (hello.max_frame_bytes != 0) {
    const std::size_t most = std::max(limits::kMaxNegotiatedFrameBytes, options.max_frame_bytes);
    decoder_.set_max_frame_bytes(std::clamp<std::size_t>(hello.max_frame_bytes, options.max_frame_bytes, most));
  }
  const std::string answer = fmt::format(
      R"({{"version":"{}","node_id":{},"max_frame_bytes":{},"max_record_bytes":{},"max_write_bytes":{}}})",
      WALRUS_VERSION, options.node, decoder_.max_frame_bytes(), limits::kMaxRecordBytes, protocol::kMaxWriteBytes);
  answers_.answer(answers_.open(0), {broker::Answer::Kind::kOkPayload, answer}, output_);
  flush();
}

bool ClientSession::has_room_for_frame(std::string_view input) {
  if (decoder_.skipping() || input.size() < protocol::kFrameHeaderBytes) return true;
  const std::size_t whole = input.size() + decoder_.missing(input);
  if (whole <= protocol::kFrameHeaderBytes + limits::kMaxFrameBytes) return true;
  if (awaiting_room_) return false;
  leave_room();
  if (whole <= large_bytes_) return true;
  const std::size_t more = whole - large_bytes_;
  const auto granted = [weak = weak_from_this(), more] {
    const auto self = weak.lock();
    return self && self->on_room_granted(more);
  };
  if (group_.large_frames().take(more, granted)) {
    enter_room(more);
    return true;
  }
  awaiting_room_ = true;
  return false;
}

bool ClientSession::on_room_granted(std::size_t bytes) {
  awaiting_room_ = false;
  if (phase_ == Phase::kClosed) return false;
  enter_room(bytes);
  flush();  // the next turn reads on
  return true;
}

void ClientSession::enter_room(std::size_t bytes) {
  large_bytes_ += bytes;
  large_since_ = group_.sweep_number();
  large_submitted_ = false;
  input_.reserve(large_bytes_);
}

void ClientSession::leave_room() {
  // Between two large frames, too: others may wait for the room.
  if (large_bytes_ == 0 || !answers_.empty() || !(large_submitted_ || held_input().empty())) return;
  group_.large_frames().give_back(std::exchange(large_bytes_, 0));
}

std::size_t ClientSession::read_size() const {
  const std::size_t all = group_.read_buffer().size();
  const std::uint64_t rate = group_.options().bytes_per_second;
  return rate == 0 ? all : std::clamp<std::size_t>(rate / kReadsPerSecond, kSmallestRead, all);
}

void ClientSession::charge(std::size_t bytes) {
  if (group_.options().bytes_per_second == 0 || phase_ == Phase::kClosed) return;
  const io::Duration wait = rate_.charge(bytes, io::TimePoint(std::chrono::steady_clock::now().time_since_epoch()));
  if (wait <= io::Duration(0) || throttle_) return;
  throttle_ = std::make_unique<boost::asio::steady_timer>(group_.context(), wait);
  throttle_->async_wait([self = shared_from_this(), this](boost::system::error_code error) {
    if (error || phase_ == Phase::kClosed) return;
    throttle_.reset();
    charge(0);  // replies may have gone out meanwhile
    if (throttle_) return;
    last_read_ = group_.sweep_number();
    settle();
  });
}

bool ClientSession::overdue_large_frame() const {
  if (large_bytes_ == 0) return false;
  const auto limit =
      group_.options().partial_frame_timeout + std::chrono::seconds(1 + large_bytes_ / limits::kSlowestLargeFrame);
  return group_.sweep_number() - large_since_ > group_.sweeps_in(limit);
}

}  // namespace walrus::net
