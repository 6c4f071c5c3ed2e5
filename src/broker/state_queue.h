// The STATE requests of one topic that arrived at this node. One question is under way at a time and answers all who
// had asked before it. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/topic_requests.h"

namespace walrus::broker {

class StateQueue : public TopicQueue, public std::enable_shared_from_this<StateQueue> {
 public:
  StateQueue(const QueueContext& context, std::string topic);

  void add(const protocol::Request& request, Waiter waiter) override;
  void pump() override;
  void on_change() override;
  void drop_unsent(const Error& error) override;
  bool empty() const override { return waiters_.empty() && asked_.empty(); }

 private:
  void on_state(Result<std::string> state);

  QueueContext context_;
  const std::string topic_;
  std::vector<Waiter> waiters_;  // not asked for yet
  std::vector<Waiter> asked_;
  io::TimePoint deadline_;
  bool holding_ = false;
  RetryTimer retry_;
};

}  // namespace walrus::broker
