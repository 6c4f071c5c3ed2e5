#include "broker/fence_queue.h"

#include <utility>

namespace walrus::broker {

namespace {

void ask_for_end(LeaderClient& leader, const metadata::TopicInfo& topic, StateDone done) {
  leader.settle(topic, [done = std::move(done)](Result<Offset> end) mutable {
    if (!end) return done(fail(end.error()));
    done(std::to_string(end->value()));
  });
}

}  // namespace

FenceQueue::FenceQueue(const QueueContext& context, std::string topic)
    : QuestionQueue(context, std::move(topic), ask_for_end) {}

void FenceQueue::add(const protocol::Request& request, Waiter waiter) {
  fences_.push_back({.token = request.get<protocol::Token>().value, .waiter = std::move(waiter)});
}

void FenceQueue::pump() {
  if (!fences_.empty()) {
    if (const metadata::TopicPtr known = context().metadata.view()->find_topic(topic())) {
      for (Fence& fence : std::exchange(fences_, {})) propose(known->id, std::move(fence));
    }
  }
  QuestionQueue::pump();
}

void FenceQueue::propose(TopicId topic, Fence fence) {
  ++proposals_;
  metadata::Command command;
  command.mutable_fence_topic()->set_topic_id(topic.value());
  command.mutable_fence_topic()->set_token(fence.token);
  auto on_applied = [self = self(), waiter = std::move(fence.waiter)](Result<metadata::Applied> applied) {
    --self->proposals_;
    if (const Status outcome = metadata::outcome_of(applied); !outcome) return answer_error({waiter}, outcome.error());
    self->QuestionQueue::add(waiter);
    self->QuestionQueue::pump();
  };
  context().metadata.propose(std::move(command), std::move(on_applied));
}

void FenceQueue::drop_unsent(const Error& error) {
  std::vector<Waiter> dropped;
  for (Fence& fence : std::exchange(fences_, {})) dropped.push_back(std::move(fence.waiter));
  answer_error(dropped, error);
  QuestionQueue::drop_unsent(error);
}

}  // namespace walrus::broker
