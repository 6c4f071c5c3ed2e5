// How a caller waits for the disk. Asleep, as a rule. But to put a thread to sleep and wake it takes about as long as a
// fast disk takes to write: a lone thread that appends one record right after the other, and so has nothing else to do,
// stays awake for the time that it took lately.
//
// Any thread.
#pragma once

#include <atomic>
#include <chrono>

#include "base/wager.h"
#include "embed/gate.h"

namespace walrus::embed {

class CallerWait {
 public:
  /// Until the gate is open.
  void wait_for(const Gate& gate);

 private:
  using Clock = std::chrono::steady_clock;
  void wait_alone(const Gate& gate);
  bool stay_awake(const Gate& gate, Clock::time_point began) const;

  std::atomic<std::uint32_t> waiting_{0};
  // Of whoever came when nobody waited, until it leaves.
  Wager awake_;
  Clock::time_point last_answer_{};
  Clock::duration usual_{};
};

}  // namespace walrus::embed
