#include "bench/lane.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <unistd.h>

namespace walrus::bench {
namespace {

constexpr std::size_t kReceiveBytes = 64 * 1024;

std::string reason_of(int error) { return std::generic_category().message(error); }

}  // namespace

Nanoseconds monotonic_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Lane::~Lane() { ::close(socket_); }

void Lane::break_off(std::string reason) {
  if (break_reason_.empty()) break_reason_ = std::move(reason);
  out_.clear();
  sent_ = 0;
}

void Lane::queue(const Codec& codec, const PendingRequest& request) {
  codec.append_request(out_, request.kind, {.topic = request.topic, .lane = number_, .number = queued_++});
  pending_.push_back(request);
}

void Lane::send() {
  while (sent_ < out_.size()) {
    const ssize_t taken = ::send(socket_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (taken >= 0) {
      sent_ += static_cast<std::size_t>(taken);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      return break_off(reason_of(errno));
    }
  }
  out_.clear();
  sent_ = 0;
}

void Lane::receive() {
  in_.erase(0, taken_);
  taken_ = 0;
  const std::size_t before = in_.size();
  ssize_t got = 0;
  in_.resize_and_overwrite(before + kReceiveBytes, [&](char* data, std::size_t) {
    got = ::recv(socket_, data + before, kReceiveBytes, 0);
    return before + static_cast<std::size_t>(got > 0 ? got : 0);
  });
  if (got == 0) break_off("closed by the server");
  if (got < 0 && errno != EAGAIN && errno != EINTR) break_off(reason_of(errno));
}

bool Lane::take_answer(const Codec& codec, Answer& answer, PendingRequest& request) {
  do {
    std::string_view rest = std::string_view(in_).substr(taken_);
    if (rest.empty() || !codec.take_answer(rest, answer)) return false;
    taken_ = in_.size() - rest.size();
    if (answer.kind == Answer::Kind::kNotice) out_ += answer.send_back;
  } while (answer.kind == Answer::Kind::kNotice);
  if (answer.kind == Answer::Kind::kNonsense || pending_.empty()) {
    break_off("what came back is not an answer of this kind of server");
    return false;
  }
  request = pending_.front();
  pending_.pop_front();
  return true;
}

}  // namespace walrus::bench
