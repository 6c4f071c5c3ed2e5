#include "broker/question_queue.h"

#include <utility>

namespace walrus::broker {

QuestionQueue::QuestionQueue(const QueueContext& context, std::string topic, Ask ask)
    : context_(context),
      topic_(std::move(topic)),
      ask_(std::move(ask)),
      retry_(context.loop, [this] { on_change(); }) {}

void QuestionQueue::add(const protocol::Request&, Waiter waiter) { add(std::move(waiter)); }

void QuestionQueue::add(Waiter waiter) {
  if (waiters_.empty()) deadline_ = context_.loop.now() + limits::kHeldRequestTimeout;
  waiters_.push_back(std::move(waiter));
}

void QuestionQueue::pump() {
  if (over()) return answer_error(std::exchange(waiters_, {}), *over());
  if (holding_ || !asked_.empty() || waiters_.empty()) return;
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  if (!topic) return;
  asked_ = std::exchange(waiters_, {});
  ask_(context_.leader, *topic,
       [self = shared_from_this()](Result<std::string> answer) { self->on_answer(std::move(answer)); });
}

void QuestionQueue::on_answer(Result<std::string> answer) {
  std::vector<Waiter> answered = std::exchange(asked_, {});
  // Asking changes nothing, so a lost answer is as good as a no.
  const bool again = !answer && (is_sure_no(answer.error().code) || answer.error().code == ErrorCode::kOutcomeUnknown);
  if (answer) {
    retry_.reset();
    answer_all(answered, {.kind = Answer::Kind::kOkPayload, .payload = *answer});
  } else if (again && context_.loop.now() < deadline_) {
    waiters_.insert(waiters_.begin(), answered.begin(), answered.end());
    holding_ = true;
    retry_.arm();
  } else if (again) {
    answer_error(answered, {ErrorCode::kTimedOut, "the leader of the topic's open segment cannot be reached"});
  } else {
    answer_error(answered, answer.error());
  }
  pump();
}

void QuestionQueue::on_change() {
  holding_ = false;
  pump();
}

void QuestionQueue::drop_unsent(const Error& error) { answer_error(std::exchange(waiters_, {}), error); }

}  // namespace walrus::broker
