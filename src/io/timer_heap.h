// The pending calls of one loop, ordered by due time and, at the same time, by the order of arming.
//
// A cancelled call (see Timer in io/loop.h) stays until it comes to the top or until half of the heap is cancelled, so
// that many short-lived long timeouts (one per request, say) cost constant time each and bounded memory. Loop thread
// only. Destroying a task may arm or cancel timers of the same heap.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/loop.h"

namespace walrus::io {

/// `now + delay`; a delay beyond the end of time means never, a negative one means now.
inline TimePoint due_at(TimePoint now, Duration delay) {
  if (delay <= Duration{0}) return now;
  return delay >= TimePoint::max() - now ? TimePoint::max() : now + delay;
}

class TimerHeap {
 public:
  Timer add(TimePoint due, Task task);

  /// When the earliest call that is not cancelled is due.
  std::optional<TimePoint> next_due();

  struct Call {
    std::shared_ptr<bool> armed;
    Task task;
    /// Runs the task unless it has been cancelled meanwhile.
    void run();
  };
  /// Takes out the earliest call that is due at `now`.
  std::optional<Call> pop_due(TimePoint now);

  /// Takes out everything; the caller destroys it when that is safe.
  std::vector<Task> take_all();

  /// Including cancelled calls that are still held.
  std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    TimePoint due;
    std::uint64_t sequence;
    std::shared_ptr<bool> armed;
    Task task;
  };
  static bool later(const Entry& a, const Entry& b) { return a.due != b.due ? a.due > b.due : a.sequence > b.sequence; }
  Entry pop();
  void drop_cancelled();

  std::vector<Entry> heap_;
  std::uint64_t next_sequence_ = 0;
  std::size_t purge_at_ = 64;  ///< size at which cancelled entries are looked for; twice what was left the last time
};

}  // namespace walrus::io
