#include "broker/topic_requests.h"

#include <algorithm>

namespace walrus::broker {

void answer_all(const std::vector<Waiter>& waiters, const Answer& answer) {
  for (std::size_t i = 0; i < waiters.size(); ++i) {
    waiters[i].sink->answer(waiters[i].slot, answer);
    // Requests of one session stand in runs: one flush a run.
    if (i + 1 == waiters.size() || waiters[i + 1].sink != waiters[i].sink) waiters[i].sink->flush();
  }
}

void answer_error(const std::vector<Waiter>& waiters, const Error& error) {
  const std::string text = error.message();
  answer_all(waiters, {.kind = Answer::Kind::kError, .payload = text});
}

void RetryTimer::arm() {
  if (timer_.armed()) return;
  timer_ = loop_.after(delay_, [this] { action_(); });
  delay_ = std::min(delay_ * 2, kLongestDelay);
}

}  // namespace walrus::broker
