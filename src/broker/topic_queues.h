// What this node's clients want from one topic, in one queue for each kind of request. Queues are made when they are
// first needed. Loop thread only.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "broker/topic_requests.h"

namespace walrus::broker {

class TopicQueues {
 public:
  TopicQueues(const QueueContext& context, std::string topic) : context_(context), topic_(std::move(topic)) {}

  const std::string& topic() const { return topic_; }
  /// A request with a verb of the table in topic_queues.cc.
  void add(const protocol::Request& request, Waiter waiter);
  void pump();
  void on_change();
  void drop_unsent(const Error& error);
  void end(const Error& error);
  bool empty() const;

  /// Kinds of requests, each in a queue of its own.
  enum class Kind : std::uint8_t { kWrites, kGets, kStates, kFetches, kFences, kGroups, kCount };

 private:
  TopicQueue& queue(Kind kind);

  QueueContext context_;
  const std::string topic_;
  std::array<std::shared_ptr<TopicQueue>, static_cast<std::size_t>(Kind::kCount)> queues_;
};

}  // namespace walrus::broker
