#include "broker/put_queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "protocol/record.h"

namespace walrus::broker {

namespace {
/// Batches under way to a leader on another node; more would only make them smaller.
constexpr std::size_t kRemoteBatchesInFlight = 4;

/// The records of an MPUT, which its parser has checked.
void add_records(storage::BatchBuilder& to, std::string_view body, std::int64_t now_ms) {
  std::vector<storage::RecordHeader> headers;
  while (!body.empty()) {
    const auto record = protocol::take_record(body);
    WALRUS_ASSERT(record, "the parser has checked them");
    headers.clear();
    for (const protocol::RecordHeader& header : record->headers) headers.push_back({header.name, header.value});
    to.add(record->key, record->value, headers, now_ms);
  }
}
}  // namespace

PutQueue::PutQueue(const QueueContext& context, std::string topic)
    : context_(context),
      topic_(std::move(topic)),
      segment_entries_(context.segment_entries),
      next_{.stream = context.loop.random(), .sequence = 0},
      retry_(context.loop, [this] { on_change(); }) {}

void PutQueue::add(const protocol::Request& request, Waiter waiter) {
  waiter.wants_offset = request.verb != protocol::Verb::kPut;
  if (request.verb == protocol::Verb::kExpect || request.verb == protocol::Verb::kMput) {
    return add_alone(request, std::move(waiter));
  }
  if (!open_batch_) open_batch_ = fresh_batch();
  open_.add(request.payload, context_.loop.wall_ms());
  open_batch_->waiters.push_back(std::move(waiter));
  if (open_.bytes() >= limits::kMaxBatchBytes || open_.records() >= segment_entries_) close_open_batch();
}

void PutQueue::add_alone(const protocol::Request& request, Waiter waiter) {
  if (open_batch_) close_open_batch();
  const auto options = request.get<protocol::WriteOptions>();
  const std::int64_t now_ms = context_.loop.wall_ms();
  storage::BatchBuilder builder;
  if (request.verb == protocol::Verb::kMput) {
    add_records(builder, request.payload, now_ms);
  } else {
    builder.add(request.payload, now_ms);
  }
  WALRUS_ASSERT(builder.records() == options.records, "the parser has counted them");
  PutBatchPtr batch = fresh_batch();
  batch->waiters.push_back(std::move(waiter));
  close(builder, std::move(batch), options.expected_end);
}

PutBatchPtr PutQueue::fresh_batch() {
  PutBatchPtr batch = context_.put_batches.take();
  batch->deadline = context_.loop.now() + limits::kHeldRequestTimeout;
  return batch;
}

void PutQueue::close_open_batch() { close(open_, std::move(open_batch_), {}); }

void PutQueue::close(storage::BatchBuilder& builder, PutBatchPtr batch, std::optional<Offset> expected_end) {
  batch->terms = {.records = builder.records(), .expected_end = expected_end};
  *batch->bytes = builder.finish(Offset(0));
  ready_.push_back(std::move(batch));
}

bool PutQueue::may_send(const metadata::TopicInfo& topic) {
  if (!context_.leader.local(topic)) return in_flight_ < kRemoteBatchesInFlight;
  if (context_.store.writable()) return true;
  if (!std::exchange(waiting_for_log_, true)) {
    context_.store.when_writable([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->waiting_for_log_ = false;
      self->pump();
    });
  }
  return false;
}

void PutQueue::pump() {
  if (holding_) return;
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  if (!topic) return;
  if (topic->segment_entries != 0) segment_entries_ = topic->segment_entries;
  if (topic->last().epoch != epoch_) {
    if (in_flight_ > 0) return;  // what the old leader says comes first
    epoch_ = topic->last().epoch;
    start_stream();
  }
  while (!holding_ && has_unsent() && may_send(*topic)) {
    if (ready_.empty()) close_open_batch();
    PutBatchPtr batch = std::move(ready_.front());
    ready_.pop_front();
    send(*topic, std::move(batch));
  }
}

void PutQueue::send(const metadata::TopicInfo& topic, PutBatchPtr batch) {
  ++in_flight_;
  const StreamPosition position = next_;
  ++next_.sequence;
  const PutBatch& sent = *batch;
  context_.leader.append(topic, sent.bytes, sent.terms, position,
                         [self = shared_from_this(), batch = std::move(batch)](Result<Offset> first) mutable {
                           self->on_answer(std::move(batch), std::move(first));
                         });
}

void PutQueue::on_answer(PutBatchPtr batch, Result<Offset> first) {
  --in_flight_;
  if (first) {
    retry_.reset();
    answer_stored(batch->waiters, *first);
  } else if (is_sure_no(first.error().code)) {
    refused_.push_back(std::move(batch));
    holding_ = true;
  } else {
    answer_error(batch->waiters, first.error());
  }
  if (batch) context_.put_batches.give_back(std::move(batch));
  if (!first && in_flight_ == 0) start_stream();
  if (holding_) {
    if (in_flight_ == 0) send_refused_again();
  } else if (has_unsent()) {
    pump();
  }
}

void PutQueue::start_stream() { next_ = {.stream = next_.stream + 1, .sequence = 0}; }

void PutQueue::send_refused_again() {
  while (!refused_.empty()) {
    ready_.push_front(std::move(refused_.back()));
    refused_.pop_back();
  }
  drop_expired();
  if (!has_unsent()) {
    holding_ = false;
  } else {
    retry_.arm();
  }
}

void PutQueue::drop_expired() {
  const io::TimePoint now = context_.loop.now();
  while (!ready_.empty() && ready_.front()->deadline <= now) {
    const PutBatchPtr expired = std::move(ready_.front());
    ready_.pop_front();
    answer_error(expired->waiters, {ErrorCode::kTimedOut, "the leader of the topic's open segment cannot be reached"});
  }
}

void PutQueue::on_change() {
  if (in_flight_ > 0 && holding_) return;  // the answers under way come first
  drop_expired();
  holding_ = false;
  pump();
}

void PutQueue::drop_unsent(const Error& error) {
  if (open_batch_) close_open_batch();
  for (const PutBatchPtr& batch : std::exchange(ready_, {})) answer_error(batch->waiters, error);
}

}  // namespace walrus::broker
