#include "broker/put_queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "protocol/record.h"

namespace walrus::broker {

namespace {
/// Batches under way to a leader on another node; more would only make them smaller.
constexpr std::size_t kRemoteBatchesInFlight = 4;
/// Of a topic whose bytes a second are limited: small enough to go on steadily.
constexpr std::uint64_t kPacedBatchesPerSecond = 8;

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
      topic_(context.metadata, std::move(topic)),
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
  if (open_.bytes() >= batch_bytes_ || open_.records() >= segment_entries_) close_open_batch();
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
  if (options.producer) builder.set_producer(*options.producer);
  PutBatchPtr batch = fresh_batch();
  batch->waiters.push_back(std::move(waiter));
  batch->terms = {.expected_end = options.expected_end, .token = options.token, .producer = options.producer};
  close(builder, std::move(batch));
}

PutBatchPtr PutQueue::fresh_batch() {
  PutBatchPtr batch = context_.put_batches.take();
  batch->deadline = context_.loop.turn_time() + limits::kHeldRequestTimeout;
  return batch;
}

void PutQueue::close_open_batch() { close(open_, std::move(open_batch_)); }

void PutQueue::close(storage::BatchBuilder& builder, PutBatchPtr batch) {
  batch->number = next_number_++;
  batch->terms.records = builder.records();
  *batch->bytes = builder.finish(Offset(0), std::move(*batch->bytes));
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
  // A leader on this node may answer before send() returns: what that would send is next in the loop below anyway.
  if (holding_ || pumping_) return;
  const metadata::TopicPtr topic = topic_.find();
  if (!topic) return;
  follow_options(*topic);
  if (topic->last().epoch != epoch_) {
    if (in_flight_ > 0) return;  // what the old leader says comes first
    epoch_ = topic->last().epoch;
    start_stream();
  }
  pumping_ = true;
  send_ready(*topic);
  pumping_ = false;
}

void PutQueue::send_ready(const metadata::TopicInfo& topic) {
  while (!holding_ && has_unsent() && may_send(topic)) {
    if (ready_.empty()) close_open_batch();
    if (is_paced()) return;
    if (!knows_producer(*ready_.front())) return look_for_producers();
    PutBatchPtr batch = std::move(ready_.front());
    ready_.pop_front();
    send(topic, std::move(batch));
  }
}

void PutQueue::follow_options(const metadata::TopicInfo& topic) {
  segment_entries_ = topic.segment_entries != 0 ? topic.segment_entries : context_.segment_entries;
  const std::uint64_t rate = topic.options.max_bytes_per_second;
  if (std::exchange(bytes_per_second_, rate) == rate) return;
  pace_ = io::RateLimit(rate);
  paced_until_ = {};
  batch_bytes_ = rate == 0 ? limits::kMaxBatchBytes
                           : std::clamp<std::size_t>(rate / kPacedBatchesPerSecond, 1, limits::kMaxBatchBytes);
}

bool PutQueue::is_paced() {
  if (bytes_per_second_ == 0) return false;
  const io::TimePoint now = context_.loop.now();
  if (now >= paced_until_) return false;
  if (pace_timer_.armed()) return true;
  pace_timer_ = context_.loop.after(paced_until_ - now, [this] {
    // They were held for the topic's own good: their time begins now.
    const io::TimePoint deadline = context_.loop.now() + limits::kHeldRequestTimeout;
    for (const PutBatchPtr& batch : ready_) batch->deadline = std::max(batch->deadline, deadline);
    pump();
  });
  return true;
}

void PutQueue::send(const metadata::TopicInfo& topic, PutBatchPtr batch) {
  ++in_flight_;
  if (bytes_per_second_ != 0) {
    const io::TimePoint now = context_.loop.now();
    paced_until_ = now + pace_.charge(batch->bytes->size(), now);
  }
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
  const bool unknown = !first && first.error().code == ErrorCode::kOutcomeUnknown;
  if (first) {
    retry_.reset();
    answer_stored(batch->waiters, *first);
  } else if (is_sure_no(first.error().code) || (unknown && batch->terms.producer)) {
    batch->in_doubt = batch->in_doubt || unknown;
    refused_.push_back(std::move(batch));
    holding_ = true;
  } else {
    give_up(*batch, first.error());
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

void PutQueue::give_up(const PutBatch& batch, const Error& error) {
  // That it was written before is as good as known; any other no is one to the last try alone.
  if (!batch.in_doubt || error.code == ErrorCode::kDuplicate || error.code == ErrorCode::kOutcomeUnknown) {
    return answer_error(batch.waiters, error);
  }
  answer_error(batch.waiters, {ErrorCode::kOutcomeUnknown, error.message()});
}

bool PutQueue::knows_producer(const PutBatch& batch) const {
  if (!batch.terms.producer || batch.number < looked_up_) return true;
  const metadata::ProducerPtr known = context_.metadata.view()->find_producer(batch.terms.producer->id);
  return known != nullptr && known->epoch >= batch.terms.producer->epoch;
}

/// A producer that the view does not know may have got its epoch a moment ago, through another node.
void PutQueue::look_for_producers() {
  holding_ = true;
  if (std::exchange(looking_for_producers_, true)) return;
  context_.metadata.barrier([weak = weak_from_this(), end = next_number_](const Status& caught_up) {
    const auto self = weak.lock();
    if (!self) return;
    self->looking_for_producers_ = false;
    if (!caught_up) return self->retry_.arm();
    self->looked_up_ = end;
    self->on_change();
  });
}

void PutQueue::send_refused_again() {
  std::ranges::sort(refused_, {},
                    [](const PutBatchPtr& batch) { return batch->number; });  // answers may have come in another order
  while (!refused_.empty()) {
    ready_.push_front(std::move(refused_.back()));
    refused_.pop_back();
  }
  if (over()) return drop_unsent(*over());
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
    give_up(*expired, {ErrorCode::kTimedOut, "the leader of the topic's open segment cannot be reached"});
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
  for (const PutBatchPtr& batch : std::exchange(ready_, {})) give_up(*batch, error);
}

}  // namespace walrus::broker
