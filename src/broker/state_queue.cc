#include "broker/state_queue.h"

#include <utility>

namespace walrus::broker {

StateQueue::StateQueue(const QueueContext& context, std::string topic)
    : context_(context), topic_(std::move(topic)), retry_(context.loop, [this] { on_change(); }) {}

void StateQueue::add(const protocol::Request&, Waiter waiter) {
  if (waiters_.empty()) deadline_ = context_.loop.now() + limits::kHeldRequestTimeout;
  waiters_.push_back(std::move(waiter));
}

void StateQueue::pump() {
  if (holding_ || !asked_.empty() || waiters_.empty()) return;
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  if (!topic) return;
  asked_ = std::exchange(waiters_, {});
  context_.leader.state(*topic,
                        [self = shared_from_this()](Result<std::string> state) { self->on_state(std::move(state)); });
}

void StateQueue::on_state(Result<std::string> state) {
  std::vector<Waiter> answered = std::exchange(asked_, {});
  // Asking changes nothing, so a lost answer is as good as a no.
  const bool again = !state && (is_sure_no(state.error().code) || state.error().code == ErrorCode::kOutcomeUnknown);
  if (state) {
    retry_.reset();
    answer_all(answered, {.kind = Answer::Kind::kOkPayload, .payload = *state});
  } else if (again && context_.loop.now() < deadline_) {
    waiters_.insert(waiters_.begin(), answered.begin(), answered.end());
    holding_ = true;
    retry_.arm();
  } else if (again) {
    answer_error(answered, {ErrorCode::kTimedOut, "the leader of the topic's open segment cannot be reached"});
  } else {
    answer_error(answered, state.error());
  }
  pump();
}

void StateQueue::on_change() {
  holding_ = false;
  pump();
}

void StateQueue::drop_unsent(const Error& error) { answer_error(std::exchange(waiters_, {}), error); }

}  // namespace walrus::broker
