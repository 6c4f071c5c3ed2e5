// The writes of one topic (PUT, APPEND, EXPECT, MPUT) that arrived at this node and are not answered yet.
//
// Records gather in an open batch while the log (or the way to the leader) is busy, so that what arrives together
// becomes one batch. What asks something of the topic's end, and the records of an MPUT, are batches of their own.
// Batches go to the leader in order; several may be under way. They are numbered within a stream,
// and a leader on another node takes them only without a gap: once one is refused everything behind it is refused too.
// Then the queue waits for the rest of the answers and sends all of them again, in order, as a new stream to whoever
// leads by then.
//
// Loop thread only.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "broker/put_batch.h"
#include "broker/topic_requests.h"
#include "storage/record_batch.h"

namespace walrus::broker {

class PutQueue : public TopicQueue, public std::enable_shared_from_this<PutQueue> {
 public:
  PutQueue(const QueueContext& context, std::string topic);

  void add(const protocol::Request& request, Waiter waiter) override;
  /// While the log is busy batches for a leader on this node are left to grow; when it can write again they are sent.
  void pump() override;
  void on_change() override;
  void drop_unsent(const Error& error) override;
  bool empty() const override { return !has_unsent() && in_flight_ == 0 && refused_.empty(); }
  bool has_unsent() const { return open_batch_ != nullptr || !ready_.empty(); }

 private:
  void add_alone(const protocol::Request& request, Waiter waiter);
  void close_open_batch();
  /// An empty batch whose clients wait from now on.
  PutBatchPtr fresh_batch();
  void close(storage::BatchBuilder& builder, PutBatchPtr batch, std::optional<Offset> expected_end);
  void start_stream();
  bool may_send(const metadata::TopicInfo& topic);
  void send(const metadata::TopicInfo& topic, PutBatchPtr batch);
  void on_answer(PutBatchPtr batch, Result<Offset> first);
  void send_refused_again();
  void drop_expired();

  QueueContext context_;
  const std::string topic_;
  std::uint64_t segment_entries_;  // no batch has more records
  storage::BatchBuilder open_;
  PutBatchPtr open_batch_;           // what open_ gathers; null while that is empty
  std::deque<PutBatchPtr> ready_;    // complete, in order, not sent or to be sent again
  std::deque<PutBatchPtr> refused_;  // surely not carried out; in order; goes before ready_
  std::size_t in_flight_ = 0;
  StreamPosition next_;  // of the next batch to send
  Epoch epoch_;          // in which the stream goes
  bool holding_ = false;
  bool waiting_for_log_ = false;
  RetryTimer retry_;
};

}  // namespace walrus::broker
