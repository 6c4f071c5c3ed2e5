// Requests of one topic that all get the same answer from the leader of its open segment, like STATE. One question is
// under way at a time and answers all who had asked before it. Asking changes nothing, so it is repeated as long as the
// requests may be held. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/topic_requests.h"

namespace walrus::broker {

class QuestionQueue : public TopicQueue, public std::enable_shared_from_this<QuestionQueue> {
 public:
  /// Asks the leader; the text is the payload of the answer.
  using Ask = std::function<void(LeaderClient&, const metadata::TopicInfo&, StateDone)>;

  QuestionQueue(const QueueContext& context, std::string topic, Ask ask);

  void add(const protocol::Request& request, Waiter waiter) override;
  void pump() override;
  void on_change() override;
  void drop_unsent(const Error& error) override;
  bool empty() const override { return waiters_.empty() && asked_.empty(); }

 protected:
  void add(Waiter waiter);
  const QueueContext& context() const { return context_; }
  const std::string& topic() const { return topic_; }

 private:
  void on_answer(Result<std::string> answer);

  QueueContext context_;
  const std::string topic_;
  const Ask ask_;
  std::vector<Waiter> waiters_;  // not asked for yet
  std::vector<Waiter> asked_;
  io::TimePoint deadline_;
  bool holding_ = false;
  RetryTimer retry_;
};

}  // namespace walrus::broker
