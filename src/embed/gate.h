// Opens once, for any number of threads that wait. Who opens it wakes one of them, and that one wakes the others: under
// group commit tens of threads wait for the same write, to wake them takes as long as the write, and the loop that
// opens the gate has the next one to start. None of them takes a lock on its way, which would put them in a row.
//
// What happened before open() is seen by whoever has passed wait(). Any thread.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <unistd.h>

namespace walrus::embed {

class Gate {
 public:
  void wait() const {
    std::uint32_t state = state_.load(std::memory_order_acquire);
    if (state == kOpen) return;
    while (state != kOpen) {
      // Only when somebody has said that he waits does open() need a system call.
      if (state == kShut && !state_.compare_exchange_weak(state, kAwaited, std::memory_order_acquire)) continue;
      ::syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, kAwaited, nullptr, nullptr, 0);
      state = state_.load(std::memory_order_acquire);
    }
    if (!others_woken_.load(std::memory_order_relaxed) && !others_woken_.exchange(true)) wake(INT_MAX);
  }

  bool opened() const { return state_.load(std::memory_order_acquire) == kOpen; }

  void open() {
    if (state_.exchange(kOpen, std::memory_order_acq_rel) == kAwaited) wake(1);
  }

  /// For another use, when nobody is in wait() or open().
  void shut() {
    state_.store(kShut, std::memory_order_relaxed);
    others_woken_.store(false, std::memory_order_relaxed);
  }

 private:
  void wake(int threads) const { ::syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0); }

  enum : std::uint32_t { kShut, kAwaited, kOpen };
  mutable std::atomic<std::uint32_t> state_{kShut};
  mutable std::atomic<bool> others_woken_{false};
  static_assert(sizeof(state_) == sizeof(std::uint32_t));
};

}  // namespace walrus::embed
