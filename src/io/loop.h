// A loop is one thread's world: time, timers, tasks and randomness. All state of a room above io/ belongs to one loop
// and is touched by that loop's thread alone; other threads reach it by post().
//
// Production: AsioLoop (io/asio_loop.h), one thread around an asio::io_context. Simulation and tests: SimLoop
// (io/sim/sim_loop.h), where time is virtual and advances only when nothing is left to run, so that production code
// runs unchanged and the same seed gives the same run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace walrus::io {

using Task = std::move_only_function<void()>;
using Duration = std::chrono::nanoseconds;
/// Monotonic; comparable only on the same node.
using TimePoint = std::chrono::time_point<struct MonotonicClock, Duration>;

class Loop;

/// A pending call; destroying or resetting it cancels the call. Loop thread only.
class Timer {
 public:
  Timer() = default;
  explicit Timer(std::shared_ptr<bool> armed) : armed_(std::move(armed)) {}
  Timer(Timer&&) = default;
  Timer& operator=(Timer&& other) noexcept {
    cancel();
    armed_ = std::move(other.armed_);
    return *this;
  }
  ~Timer() { cancel(); }
  void cancel() {
    if (armed_) *armed_ = false;
    armed_.reset();
  }
  bool armed() const { return armed_ && *armed_; }

 private:
  std::shared_ptr<bool> armed_;  // set to false by whichever comes first: the call or the cancellation
};

class Loop {
 public:
  virtual ~Loop() = default;

  virtual TimePoint now() const = 0;
  /// A moment of this turn of the loop, which is what it runs between two looks for I/O: now() without asking a clock
  /// each time. For patience with others, where a turn does not matter; never for a lease. Loop thread only.
  virtual TimePoint turn_time() const { return now(); }
  /// Milliseconds since the Unix epoch, of this turn; for timestamps that people see, never for decisions. Loop thread
  /// only.
  virtual std::int64_t wall_ms() const = 0;

  /// Runs `task` on this loop's thread, after what is queued already. Any thread.
  virtual void post(Task task) = 0;

  /// Runs `task` on this loop's thread once `delay` has passed, unless the returned timer is cancelled first.
  [[nodiscard]] virtual Timer after(Duration delay, Task task) = 0;

  /// A hint: an answer has just gone out, and whoever has it is likely to be back within microseconds. A loop may stay
  /// awake for that long.
  virtual void expect_soon() {}

  /// 64 random bits; seeded in simulation, from the kernel otherwise.
  virtual std::uint64_t random() = 0;

  /// True on this loop's own thread (for assertions).
  virtual bool in_thread() const = 0;
};

}  // namespace walrus::io
