// The writes of one topic (PUT, APPEND, EXPECT, MPUT) that arrived at this node and are not answered yet.
//
// Records gather in an open batch while the log (or the way to the leader) is busy, so that what arrives together
// becomes one batch. What asks something of the topic's end, and the records of an MPUT, are batches of their own.
// Batches go to the leader in order; several may be under way. They are numbered within a stream,
// and a leader on another node takes them only without a gap: once one is refused everything behind it is refused too.
// Then the queue waits for the rest of the answers and sends all of them again, in order, as a new stream to whoever
// leads by then. A batch of an idempotent producer is sent again after an unknown outcome, too: the leader recognizes
// it.
//
// A topic with a bound on its bytes a second is sent no more until it may have them; what is held goes on unanswered,
// so that clients come to their own bounds, and slow down.
//
// Loop thread only.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "broker/known_topic.h"
#include "broker/put_batch.h"
#include "broker/topic_requests.h"
#include "io/rate_limit.h"
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
  /// What is in the builder becomes the batch; its number of records is set in the terms here.
  void close(storage::BatchBuilder& builder, PutBatchPtr batch);
  void start_stream();
  bool may_send(const metadata::TopicInfo& topic);
  void send_ready(const metadata::TopicInfo& topic);
  void send(const metadata::TopicInfo& topic, PutBatchPtr batch);
  void on_answer(PutBatchPtr batch, Result<Offset> first);
  void send_refused_again();
  void drop_expired();
  void follow_options(const metadata::TopicInfo& topic);
  /// Whether the topic has had its bytes for now; then the queue goes on by itself.
  bool is_paced();
  void give_up(const PutBatch& batch, const Error& error);
  bool knows_producer(const PutBatch& batch) const;
  void look_for_producers();

  QueueContext context_;
  KnownTopic topic_;
  std::uint64_t segment_entries_;  // no batch has more records
  std::size_t batch_bytes_ = limits::kMaxBatchBytes;
  storage::BatchBuilder open_;
  PutBatchPtr open_batch_;           // what open_ gathers; null while that is empty
  std::deque<PutBatchPtr> ready_;    // complete, in order, not sent or to be sent again
  std::deque<PutBatchPtr> refused_;  // surely not carried out; in order; goes before ready_
  std::size_t in_flight_ = 0;
  StreamPosition next_;  // of the next batch to send
  Epoch epoch_;          // in which the stream goes
  bool holding_ = false;
  bool pumping_ = false;
  bool waiting_for_log_ = false;
  std::uint64_t bytes_per_second_ = 0;  // of the topic's options; 0: no limit
  io::RateLimit pace_{0};
  io::TimePoint paced_until_;
  io::Timer pace_timer_;
  bool looking_for_producers_ = false;
  std::uint64_t next_number_ = 0;
  std::uint64_t looked_up_ = 0;  // batches below this number: the view knows their producer, or nobody does
  RetryTimer retry_;
};

}  // namespace walrus::broker
