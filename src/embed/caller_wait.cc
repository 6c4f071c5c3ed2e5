#include "embed/caller_wait.h"

#include <algorithm>
#include <thread>

namespace walrus::embed {
namespace {

using namespace std::chrono_literals;
constexpr auto kRightAfter = 50us;     ///< from an answer to the next append of a caller that does nothing else
constexpr auto kLongestAwake = 300us;  ///< a disk that takes longer is waited for asleep
constexpr int kLooksPerClock = 64;

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void CallerWait::wait_for(const Gate& gate) {
  if (waiting_.fetch_add(1, std::memory_order_acq_rel) == 0) {
    wait_alone(gate);
  } else {
    gate.wait();
  }
  waiting_.fetch_sub(1, std::memory_order_acq_rel);
}

void CallerWait::wait_alone(const Gate& gate) {
  static const bool several_cores = std::thread::hardware_concurrency() > 1;
  const auto began = Clock::now();
  const bool chance = several_cores && began - last_answer_ < kRightAfter && usual_ < kLongestAwake;
  if (chance && awake_.worth_it()) {
    if (stay_awake(gate, began)) {
      awake_.won();
    } else {
      awake_.lost();
    }
  }
  gate.wait();
  last_answer_ = Clock::now();
  usual_ += (last_answer_ - began - usual_) / 8;
}

/// True when the gate has opened meanwhile.
bool CallerWait::stay_awake(const Gate& gate, Clock::time_point began) const {
  const auto until = began + std::min<Clock::duration>(2 * usual_, kLongestAwake);
  while (waiting_.load(std::memory_order_relaxed) == 1) {
    for (int i = 0; i < kLooksPerClock; ++i) {
      if (gate.opened()) return true;
      pause_briefly();
    }
    if (Clock::now() >= until) return false;
  }
  return gate.opened();
}

}  // namespace walrus::embed
