// The GETs of one topic that arrived at this node and wait for a record. One TAKE is under way at a time and asks for
// as many records as there are waiters. Loop thread only.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "broker/known_topic.h"
#include "broker/topic_requests.h"

namespace walrus::broker {

class GetQueue : public TopicQueue, public std::enable_shared_from_this<GetQueue> {
 public:
  GetQueue(const QueueContext& context, std::string topic);

  void add(const protocol::Request& request, Waiter waiter) override;
  void pump() override;
  void on_change() override;
  void drop_unsent(const Error& error) override;
  bool empty() const override { return waiters_.empty() && !taking_; }

 private:
  struct Held {
    Waiter waiter;
    io::TimePoint deadline;
  };

  void on_taken(std::uint32_t asked, Result<Taken> taken);
  void deliver(const Taken& taken, std::uint32_t asked);
  void answer_front(std::size_t count, const Error& error);

  QueueContext context_;
  KnownTopic topic_;
  std::deque<Held> waiters_;  // those of the TAKE under way first
  bool taking_ = false;
  bool holding_ = false;
  RetryTimer retry_;
};

}  // namespace walrus::broker
