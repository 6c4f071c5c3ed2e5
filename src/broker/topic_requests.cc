#include "broker/topic_requests.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace walrus::broker {

namespace {

/// Requests of one session stand in runs: one flush a run.
void flush_at_end_of_run(const std::vector<Waiter>& waiters, std::size_t i) {
  if (i + 1 == waiters.size() || waiters[i + 1].sink != waiters[i].sink) waiters[i].sink->flush();
}

}  // namespace

void answer_all(const std::vector<Waiter>& waiters, const Answer& answer) {
  for (std::size_t i = 0; i < waiters.size(); ++i) {
    waiters[i].sink->answer(waiters[i].slot, answer);
    flush_at_end_of_run(waiters, i);
  }
}

void answer_stored(const std::vector<Waiter>& waiters, Offset first) {
  char digits[20];
  for (std::size_t i = 0; i < waiters.size(); ++i) {
    Answer answer;
    if (waiters[i].wants_offset) {
      const auto end = std::to_chars(std::begin(digits), std::end(digits), (first + i).value()).ptr;
      answer = {.kind = Answer::Kind::kOkPayload, .payload = {digits, end}};
    }
    waiters[i].sink->answer(waiters[i].slot, answer);
    flush_at_end_of_run(waiters, i);
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
