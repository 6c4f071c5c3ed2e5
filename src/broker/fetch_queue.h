// The FETCHes of one topic that arrived at this node: reads without a cursor, any number at a time, in no order.
//
//   add() → place to offset → sealed segment: TopicReader (here, or from a holder) ┐
//                             open segment: its leader, here or elsewhere          ┴→ answer, or nothing there yet:
//   WaitingReaders, until TailWatch says that there is more, or the client's time is up
//
// Readers who wait for the same are answered from one read, and share its bytes. Only committed records are handed out;
// that there are none is said after a quorum has confirmed the leader.
//
// Failure: a read changes nothing, so whatever fails for the moment is tried again, when the view changes and after a
// pause, for limits::kHeldRequestTimeout. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/tail_watch.h"
#include "broker/topic_requests.h"
#include "broker/waiting_readers.h"

namespace walrus::broker {

class FetchQueue : public TopicQueue, public std::enable_shared_from_this<FetchQueue> {
 public:
  FetchQueue(const QueueContext& context, std::string topic);

  void add(const protocol::Request& request, Waiter waiter) override;
  void pump() override;
  void on_change() override;
  void drop_unsent(const Error& error) override;
  bool empty() const override { return fresh_.empty() && held_.empty() && waiting_.empty() && under_way_ == 0; }

 private:
  /// Readers on their way to an answer.
  struct Fetch {
    protocol::Place place;  // as long as it is not an offset, span.from means nothing
    Readers readers;
    io::TimePoint held_until;
  };

  void start(Fetch fetch);
  void resolve(Fetch fetch, const metadata::TopicInfo& topic);
  void resolve_latest(Fetch fetch, const metadata::TopicInfo& topic);
  void on_resolved(Fetch fetch, const Result<Offset>& offset);
  void read(Fetch fetch, const metadata::TopicInfo& topic);
  void on_read(Fetch fetch, Result<TailRead> read);
  void wait_or_answer(Fetch fetch, Offset end);
  void answer(const Fetch& fetch, const TailRead& read);
  static void answer_error(const Readers& readers, const Error& error);
  void hold(Fetch fetch, const Error& error);
  void retry_held();
  void watch_tail();
  void on_tail_moved();
  void arm_expiry();
  void expire();
  void restart(std::vector<Readers> groups);

  QueueContext context_;
  const std::string topic_;
  std::vector<Fetch> fresh_;  // not started
  std::vector<Fetch> held_;   // failed for the moment
  WaitingReaders waiting_;
  std::size_t under_way_ = 0;
  std::shared_ptr<TailWatch> tail_;
  io::Timer expiry_;
  io::TimePoint expiry_at_;
  RetryTimer retry_;
};

}  // namespace walrus::broker
