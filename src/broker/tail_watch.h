// Tells this node's waiting readers of one topic when there is something new behind its end: one question at the leader
// of the open segment, here or held open on another node, whatever the number of readers. Nothing is asked while nobody
// waits, and nothing is polled: the question is answered when commit moves, and asked again after limits::kWatchHold.
//
// Failure: a leader that is lost or gives up costs a pause until the view changes, or until the retry timer; then the
// next one is asked. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "broker/topic_requests.h"

namespace walrus::broker {

class TailWatch : public std::enable_shared_from_this<TailWatch> {
 public:
  TailWatch(const QueueContext& context, std::string topic);

  /// `moved` runs, never before want() returns, once the topic's readable end lies behind `beyond`, and perhaps
  /// earlier: who still waits asks again. One who asks at a time.
  void want(Offset beyond, std::function<void()> moved);
  /// Nobody waits any more.
  void cancel();
  /// The view has changed: perhaps another leader is to be asked.
  void on_change();

 private:
  void ask();
  void on_answer(std::uint64_t question, const Result<Offset>& commit);
  void tell();

  QueueContext context_;
  const std::string topic_;
  Offset beyond_;
  std::function<void()> moved_;  // empty: nobody waits
  bool asking_ = false;
  Epoch asked_;                 // whose leader the question under way is for
  std::uint64_t question_ = 0;  // its number; what answers an older one does not count
  RetryTimer retry_;
};

}  // namespace walrus::broker
