#include "wire.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "greeting.h"
#include "protocol/text.h"

namespace walrus::client {
namespace {

constexpr std::size_t kReceiveBytes = 256 * limits::kKiB;
constexpr std::size_t kMaxReplyBytes = 64 * limits::kMiB;  // STATE of a topic with very many segments is long

std::string reason_of(int error) { return std::generic_category().message(error); }

Reply::Kind kind_of(protocol::Reply::Kind kind) {
  switch (kind) {
    case protocol::Reply::Kind::kOk:
      return Reply::Kind::kOk;
    case protocol::Reply::Kind::kOkPayload:
      return Reply::Kind::kPayload;
    case protocol::Reply::Kind::kEmpty:
      return Reply::Kind::kEmpty;
    case protocol::Reply::Kind::kError:
      break;
  }
  return Reply::Kind::kError;
}

}  // namespace

Connection::Wire::Wire(Options options) : options_(std::move(options)), decoder_(kMaxReplyBytes) {
  WALRUS_ASSERT(!options_.endpoints.empty());
}

Connection::Wire::~Wire() { close(); }

void Connection::Wire::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  out_.clear();
  in_.clear();
  out_sent_ = out_complete_ = in_taken_ = 0;
  queued_ = sent_ = answered_ = 0;
  decoder_ = protocol::FrameDecoder(kMaxReplyBytes);
  broken_.reset();
  silent_ = false;
}

void Connection::Wire::enqueue(std::string_view head, std::string_view tail) {
  if (in_flight() == 0) last_progress_ = std::chrono::steady_clock::now();
  protocol::append_frame(out_, head, tail);
  ++queued_;
}

bool Connection::Wire::peer_has_gone() const {
  char byte = 0;
  const ssize_t got = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EINTR);  // unasked bytes are as bad as an end
}

Result<void> Connection::Wire::ensure_connected() {
  if (socket_ >= 0 && sent_ == answered_ && out_sent_ == 0 && !broken_ && peer_has_gone()) {
    ::close(socket_);
    socket_ = -1;
  }
  if (socket_ >= 0 || broken_) return {};
  std::string reasons;
  for (std::size_t attempt = 0; attempt < options_.endpoints.size(); ++attempt) {
    const std::size_t candidate = (endpoint_ + attempt) % options_.endpoints.size();
    auto connected = connect_tcp(options_.endpoints[candidate], options_.connect_timeout);
    if (connected) {
      if (const auto greeted = greet(*connected, options_.max_frame_bytes, options_.connect_timeout); !greeted) {
        ::close(*connected);
        connected = std::unexpected(greeted.error());
      }
    }
    if (connected) {
      socket_ = *connected;
      last_progress_ = std::chrono::steady_clock::now();
      endpoint_ = candidate;
      return {};
    }
    if (!reasons.empty()) reasons += "; ";
    reasons += options_.endpoints[candidate].text() + ": " + connected.error().text;
  }
  const Unanswered unanswered{.unknown = 0, .not_sent = in_flight()};
  close();
  return std::unexpected(
      Error{.kind = ErrorKind::kCannotConnect, .text = "cannot connect to " + reasons, .unanswered = unanswered});
}

void Connection::Wire::break_off(ErrorKind kind, std::string reason) {
  if (!broken_) broken_ = Error{.kind = kind, .text = std::move(reason)};
}

void Connection::Wire::send_some() {
  while (out_sent_ < out_.size()) {
    const ssize_t taken = ::send(socket_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0 && errno != EAGAIN) break_off(ErrorKind::kOutcomeUnknown, reason_of(errno));
    if (taken < 0) break;
    out_sent_ += static_cast<std::size_t>(taken);
    // While an answer is owed, that the system takes more requests says nothing about the server.
    if (sent_ == answered_) last_progress_ = std::chrono::steady_clock::now();
  }
  // Frames taken whole may have been received; one that was cut cannot be carried out.
  while (out_sent_ - out_complete_ >= protocol::kFrameHeaderBytes) {
    const std::size_t frame = protocol::kFrameHeaderBytes + load_little<std::uint32_t>(out_.data() + out_complete_);
    if (out_sent_ - out_complete_ < frame) break;
    out_complete_ += frame;
    ++sent_;
  }
  if (out_complete_ == out_.size() || out_complete_ > kReceiveBytes) {
    out_.erase(0, out_complete_);
    out_sent_ -= out_complete_;
    out_complete_ = 0;
  }
}

void Connection::Wire::receive_some() {
  in_.erase(0, in_taken_);
  in_taken_ = 0;
  const std::size_t before = in_.size();
  ssize_t got = 0;
  in_.resize_and_overwrite(before + kReceiveBytes, [&](char* data, std::size_t) {
    do {
      got = ::recv(socket_, data + before, kReceiveBytes, 0);
    } while (got < 0 && errno == EINTR);
    return before + static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  });
  if (got > 0) last_progress_ = std::chrono::steady_clock::now();
  if (got == 0) break_off(ErrorKind::kOutcomeUnknown, "closed by the server");
  if (got < 0 && errno != EAGAIN) break_off(ErrorKind::kOutcomeUnknown, reason_of(errno));
}

std::optional<Reply> Connection::Wire::take_received() {
  std::string_view rest = std::string_view(in_).substr(in_taken_);
  const auto step = decoder_.next(rest);
  if (step.event == protocol::FrameDecoder::Event::kNeedMore) return std::nullopt;
  const auto reply = protocol::parse_reply(step.text);
  if (step.event != protocol::FrameDecoder::Event::kFrame || !reply || answered_ == sent_) {
    break_off(ErrorKind::kProtocol, "what came back is not an answer of a Walrus server");
    return std::nullopt;
  }
  in_taken_ = in_.size() - rest.size();
  ++answered_;
  return Reply{.kind = kind_of(reply->kind), .payload = reply->payload, .text = step.text};
}

Result<std::optional<Reply>> Connection::Wire::take() {
  if (socket_ < 0) return std::nullopt;
  if (auto reply = take_received()) return reply;
  if (!broken_ && unsent_bytes() > 0) send_some();
  if (!broken_ || broken_->kind != ErrorKind::kProtocol) receive_some();
  if (auto reply = take_received()) return reply;
  if (!broken_) return std::nullopt;
  return std::unexpected(end_of_connection());
}

Error Connection::Wire::end_of_connection() {
  Error error = std::move(*broken_);
  error.unanswered = {.unknown = static_cast<std::size_t>(sent_ - answered_),
                      .not_sent = static_cast<std::size_t>(queued_ - sent_)};
  if (error.kind == ErrorKind::kOutcomeUnknown && error.unanswered.unknown == 0) error.kind = ErrorKind::kNotSent;
  error.text = "connection to " + address() + " broke: " + error.text;
  if (silent_) endpoint_ = (endpoint_ + 1) % options_.endpoints.size();
  close();
  return error;
}

void Connection::Wire::wait(std::span<const int> also) {
  const bool owed = in_flight() > 0;
  WALRUS_ASSERT(owed || !also.empty(), "nothing could end this wait");
  std::vector<pollfd> waiting;
  for (const int descriptor : also) waiting.push_back({descriptor, POLLIN, 0});
  const auto events = static_cast<short>(POLLIN | (unsent_bytes() > 0 ? POLLOUT : 0));
  if (socket_ >= 0 && owed) waiting.push_back({socket_, events, 0});
  int timeout = -1;
  if (owed) {
    const auto left = last_progress_ + options_.reply_timeout - std::chrono::steady_clock::now();
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, 1'000'000'000));
  }
  if (::poll(waiting.data(), waiting.size(), timeout) != 0 || !owed) return;
  const auto seconds = std::chrono::duration<double>(options_.reply_timeout).count();
  break_off(ErrorKind::kOutcomeUnknown, fmt::format("no answer within {:g} s", seconds));
  silent_ = true;
}

}  // namespace walrus::client
