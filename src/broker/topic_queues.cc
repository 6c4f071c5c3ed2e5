#include "broker/topic_queues.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "broker/fence_queue.h"
#include "broker/fetch_queue.h"
#include "broker/get_queue.h"
#include "broker/group_queue.h"
#include "broker/put_queue.h"
#include "broker/question_queue.h"

namespace walrus::broker {

namespace {

using Kind = TopicQueues::Kind;
using protocol::Verb;

Kind kind_of(Verb verb) {
  switch (verb) {
    case Verb::kPut:
    case Verb::kAppend:
    case Verb::kExpect:
    case Verb::kMput:
      return Kind::kWrites;
    case Verb::kGet:
      return Kind::kGets;
    case Verb::kState:
      return Kind::kStates;
    case Verb::kFence:
      return Kind::kFences;
    case Verb::kFetch:
      return Kind::kFetches;
    case Verb::kRead:
    case Verb::kCommit:
    case Verb::kSeek:
    case Verb::kForget:
    case Verb::kCursors:
    case Verb::kQueue:
    case Verb::kLease:
    case Verb::kAck:
    case Verb::kNack:
    case Verb::kExtend:
      return Kind::kGroups;
    default:
      WALRUS_ASSERT(false, "not a request about the records of a topic");
  }
}

std::shared_ptr<TopicQueue> make_queue(Kind kind, const QueueContext& context, const std::string& topic) {
  switch (kind) {
    case Kind::kWrites:
      return std::make_shared<PutQueue>(context, topic);
    case Kind::kGets:
      return std::make_shared<GetQueue>(context, topic);
    case Kind::kStates:
      return std::make_shared<QuestionQueue>(context, topic, &LeaderClient::state);
    case Kind::kFences:
      return std::make_shared<FenceQueue>(context, topic);
    case Kind::kFetches:
      return std::make_shared<FetchQueue>(context, topic);
    case Kind::kGroups:
      return std::make_shared<GroupQueue>(context, topic);
    case Kind::kCount:
      break;
  }
  WALRUS_ASSERT(false, "not a kind of queue");
}

}  // namespace

TopicQueue& TopicQueues::queue(Kind kind) {
  std::shared_ptr<TopicQueue>& queue = queues_[static_cast<std::size_t>(kind)];
  if (!queue) queue = make_queue(kind, context_, topic_);
  return *queue;
}

void TopicQueues::add(const protocol::Request& request, Waiter waiter) {
  queue(kind_of(request.verb)).add(request, std::move(waiter));
}

void TopicQueues::pump() {
  for (const auto& queue : queues_) {
    if (queue) queue->pump();
  }
}

void TopicQueues::on_change() {
  for (const auto& queue : queues_) {
    if (queue) queue->on_change();
  }
}

void TopicQueues::drop_unsent(const Error& error) {
  for (const auto& queue : queues_) {
    if (queue) queue->drop_unsent(error);
  }
}

void TopicQueues::end(const Error& error) {
  for (const auto& queue : queues_) {
    if (queue) queue->end(error);
  }
}

bool TopicQueues::empty() const {
  return std::ranges::all_of(queues_, [](const auto& queue) { return !queue || queue->empty(); });
}

}  // namespace walrus::broker
