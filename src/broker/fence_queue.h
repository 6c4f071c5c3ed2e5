// The FENCE requests of one topic. Each raises the topic's token through Raft; then the leader, which has that in its
// view by the time it is asked (a question carries its sender's metadata version), says where the topic ends: no write
// with a lower token comes to stand at or behind that offset. Loop thread only.
#pragma once

#include "broker/question_queue.h"

namespace walrus::broker {

class FenceQueue : public QuestionQueue {
 public:
  FenceQueue(const QueueContext& context, std::string topic);

  void add(const protocol::Request& request, Waiter waiter) override;
  void pump() override;
  void drop_unsent(const Error& error) override;
  bool empty() const override { return fences_.empty() && proposals_ == 0 && QuestionQueue::empty(); }

 private:
  struct Fence {
    std::uint64_t token = 0;
    Waiter waiter;
  };
  void propose(TopicId topic, Fence fence);
  std::shared_ptr<FenceQueue> self() { return std::static_pointer_cast<FenceQueue>(shared_from_this()); }

  std::vector<Fence> fences_;  // not proposed yet
  std::size_t proposals_ = 0;  // under way
};

}  // namespace walrus::broker
