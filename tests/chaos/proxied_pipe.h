// One direction of a proxied connection: what was read on one side and waits for its time to be written on the other.
// Used by the proxy's thread alone. Sockets are non-blocking and belong to the caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "tests/chaos/link_rules.h"

namespace walrus::chaos {

using Clock = std::chrono::steady_clock;

class ProxiedPipe {
 public:
  enum class Read { kBytes, kNothing, kEnded };

  bool wants_bytes() const { return !ended_ && queued_ < kMostQueued; }
  /// Reads once; the bytes are in `piece`.
  Read read(int socket, std::string& piece);
  void push(std::string piece, std::chrono::microseconds delay);

  bool due(const LinkRule& rule) const;
  /// When the next piece is due; nothing while none waits or the link is stalled.
  std::optional<Clock::time_point> next_due(const LinkRule& rule) const;
  /// Writes what is due and fits; false when the other side is gone.
  bool write(int socket);
  /// The source has ended and nothing of it waits: the end itself may be passed on.
  bool finished(const LinkRule& rule) const { return ended_ && queue_.empty() && !rule.stalled; }

 private:
  struct Piece {
    Clock::time_point due;
    std::string bytes;
  };
  static constexpr std::size_t kMostQueued = 1024 * 1024;

  std::deque<Piece> queue_;
  std::size_t queued_ = 0;
  std::size_t written_ = 0;  // of the front
  bool ended_ = false;
};

}  // namespace walrus::chaos
