#include "tests/chaos/proxied_pipe.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace walrus::chaos {

ProxiedPipe::Read ProxiedPipe::read(int socket, std::string& piece) {
  piece.resize(64 * 1024);
  const ssize_t count = ::recv(socket, piece.data(), piece.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Read::kNothing;
  if (count <= 0) {
    ended_ = true;
    return Read::kEnded;
  }
  piece.resize(static_cast<std::size_t>(count));
  return Read::kBytes;
}

void ProxiedPipe::push(std::string piece, std::chrono::microseconds delay) {
  Clock::time_point due = Clock::now() + delay;
  if (!queue_.empty()) due = std::max(due, queue_.back().due);
  queued_ += piece.size();
  queue_.push_back({due, std::move(piece)});
}

bool ProxiedPipe::due(const LinkRule& rule) const {
  const auto next = next_due(rule);
  return next && *next <= Clock::now();
}

std::optional<Clock::time_point> ProxiedPipe::next_due(const LinkRule& rule) const {
  if (queue_.empty() || rule.stalled) return std::nullopt;
  return queue_.front().due;
}

bool ProxiedPipe::write(int socket) {
  while (!queue_.empty() && queue_.front().due <= Clock::now()) {
    const std::string& bytes = queue_.front().bytes;
    const ssize_t sent = ::send(socket, bytes.data() + written_, bytes.size() - written_, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    written_ += static_cast<std::size_t>(sent);
    if (written_ < bytes.size()) return true;
    queued_ -= bytes.size();
    written_ = 0;
    queue_.pop_front();
  }
  return true;
}

}  // namespace walrus::chaos
