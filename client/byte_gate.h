// Back-pressure by bytes: who wants to queue more waits until there is room. What is larger than the whole limit passes
// when nothing else is queued. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace walrus::client {

class ByteGate {
 public:
  explicit ByteGate(std::size_t limit) : limit_(limit) {}

  void enter(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return fits(bytes); });
    held_ += bytes;
  }

  /// False when the caller would have to wait.
  bool try_enter(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    if (!fits(bytes)) return false;
    held_ += bytes;
    return true;
  }

  void leave(std::size_t bytes) {
    {
      const std::scoped_lock lock(mutex_);
      held_ -= bytes;
    }
    room_.notify_all();
  }

 private:
  bool fits(std::size_t bytes) const { return held_ == 0 || held_ + bytes <= limit_; }

  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::size_t held_ = 0;
};

}  // namespace walrus::client
