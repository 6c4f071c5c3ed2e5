#include "broker/tail_watch.h"

#include <utility>

namespace walrus::broker {

TailWatch::TailWatch(const QueueContext& context, std::string topic)
    : context_(context), topic_(std::move(topic)), retry_(context.loop, [this] { ask(); }) {}

void TailWatch::want(Offset beyond, std::function<void()> moved) {
  beyond_ = beyond;
  moved_ = std::move(moved);
  if (!asking_) ask();
}

void TailWatch::cancel() {
  moved_ = nullptr;
  retry_.reset();
}

void TailWatch::on_change() {
  if (!moved_) return;
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  if (asking_ && topic && topic->last().epoch == asked_) return;
  retry_.reset();
  // Who reads at the old end may find something in a segment that this node did not know.
  tell();
}

void TailWatch::ask() {
  asking_ = false;
  if (!moved_) return;
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  if (!topic) return tell();
  asking_ = true;
  asked_ = topic->last().epoch;
  context_.leader.await_commit(*topic, beyond_, limits::kWatchHold,
                               [weak = weak_from_this(), question = ++question_](const Result<Offset>& commit) {
                                 if (const auto self = weak.lock()) self->on_answer(question, commit);
                               });
}

void TailWatch::on_answer(std::uint64_t question, const Result<Offset>& commit) {
  if (question != question_) return;
  asking_ = false;
  if (!moved_) return;
  if (!commit) return retry_.arm();
  retry_.reset();
  if (*commit > beyond_) {
    tell();
  } else {
    ask();
  }
}

void TailWatch::tell() {
  ++question_;
  asking_ = false;
  context_.loop.post([weak = weak_from_this(), moved = std::exchange(moved_, nullptr)] {
    if (weak.lock() && moved) moved();
  });
}

}  // namespace walrus::broker
