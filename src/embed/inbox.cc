#include "embed/inbox.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace walrus::embed {
namespace {

// Of a record: its length, attributes, deltas and the lengths of key and value, at most.
constexpr std::size_t kRecordFraming = 32;
// Of rounds that are over.
constexpr std::size_t kMostIdleRounds = 4;
constexpr std::size_t kMostIdleBatches = 256;

std::size_t size_of(std::span<const NewRecord> records) {
  std::size_t bytes = 0;
  for (const NewRecord& record : records) {
    bytes += kRecordFraming + record.value.size() + (record.key ? record.key->size() : 0);
  }
  return bytes;
}

}  // namespace

StagedBatch& Round::fresh_batch() {
  if (used == all.size()) all.push_back(std::make_unique<StagedBatch>());
  return *all[used++];
}

RoundPtr RoundPool::take() {
  std::unique_ptr<Round> round;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      round = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!round) round = std::make_unique<Round>();
  return {round.release(), [pool = shared_from_this()](Round* over) { pool->give_back(std::unique_ptr<Round>(over)); }};
}

void RoundPool::give_back(std::unique_ptr<Round> round) {
  for (std::size_t i = 0; i < round->used; ++i) {
    StagedBatch& batch = *round->all[i];
    storage::BatchBuilder builder = std::move(batch.builder);
    builder.clear();
    batch = {};
    batch.builder = std::move(builder);
  }
  if (round->all.size() > kMostIdleBatches) round->all.resize(kMostIdleBatches);
  round->used = 0;
  round->done.shut();
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kMostIdleRounds) idle_.push_back(std::move(round));
}

Result<Inbox::Added> Inbox::add(const std::shared_ptr<TopicLog>& topic, TopicInbox& inbox,
                                std::span<const NewRecord> records, bool urgent, OffsetDone done) {
  const std::size_t bytes = size_of(records);
  if (bytes > limits::kMaxStagedBatchBytes) return fail(ErrorCode::kTooLarge);
  std::unique_lock lock(mutex_);
  while (bytes_ >= capacity_ && !closed_ && !inbox.closed) {
    ++waiting_for_room_;
    room_.wait(lock);
    --waiting_for_room_;
  }
  if (closed_) return fail(ErrorCode::kShuttingDown);
  if (inbox.closed) return fail(*inbox.closed);
  if (inbox.lost) return fail(*std::exchange(inbox.lost, std::nullopt));

  StagedBatch& batch = batch_for(topic, inbox, bytes);
  const Offset offset = inbox.next;
  for (const NewRecord& record : records) batch.builder.add(record.key, record.value, {}, record.timestamp_ms);
  inbox.next += records.size();
  batch.bytes += bytes;
  bytes_ += bytes;
  if (done) batch.callbacks.push_back({offset, std::move(done)});

  Added added{.offset = offset, .round = nullptr, .batch = nullptr, .tell = Tell::kNothing};
  if (urgent) {
    added.round = filling_;
    added.batch = &batch;
  }
  const Tell wanted = urgent || bytes_ >= limits::kLazyHandoverBytes ? Tell::kNow : Tell::kSoon;
  if (wanted > told_) added.tell = told_ = wanted;
  return added;
}

StagedBatch& Inbox::batch_for(const std::shared_ptr<TopicLog>& topic, TopicInbox& inbox, std::size_t bytes) {
  if (inbox.filling != nullptr && inbox.filling->bytes + bytes <= limits::kMaxBatchBytes) return *inbox.filling;
  if (!filling_) filling_ = pool_->take();
  StagedBatch& batch = filling_->fresh_batch();
  batch.topic = topic;
  batch.inbox = &inbox;
  batch.round = filling_.get();
  batch.base = inbox.next;
  batch.generation = inbox.generation;
  batch.builder.expect(inbox.usual_bytes);
  inbox.filling = &batch;
  return batch;
}

RoundPtr Inbox::take() {
  const std::lock_guard lock(mutex_);
  told_ = Tell::kNothing;
  if (filling_) {
    for (const auto& batch : filling_->batches()) {
      batch->inbox->filling = nullptr;
      std::size_t& usual = batch->inbox->usual_bytes;
      usual = std::max(batch->builder.bytes(), usual / 2);
    }
  }
  return std::exchange(filling_, nullptr);
}

void Inbox::give_back(std::span<const StagedBatchPtr> batches) {
  const std::lock_guard lock(mutex_);
  for (const StagedBatchPtr& batch : batches) bytes_ -= batch->bytes;  // its topic may be gone by now
  if (waiting_for_room_ > 0 && bytes_ < capacity_) room_.notify_all();
}

void Inbox::fail_topic(TopicInbox& inbox, Offset next, const std::optional<Error>& lost) {
  const std::lock_guard lock(mutex_);
  ++inbox.generation;
  inbox.filling = nullptr;
  inbox.next = next;
  if (!lost) return;
  inbox.lost = lost;
  while (!inbox.rewinds.empty() && inbox.rewinds.back().to >= next) inbox.rewinds.pop_back();
  inbox.rewinds.push_back({inbox.generation, next});
}

Offset Inbox::rewound(const TopicInbox& inbox, std::uint64_t& seen, Offset position) {
  const std::lock_guard lock(mutex_);
  for (const TopicInbox::Rewind& rewind : inbox.rewinds) {
    if (rewind.generation > seen) position = std::min(position, rewind.to);
  }
  seen = inbox.generation;
  return position;
}

std::optional<Error> Inbox::take_lost(TopicInbox& inbox) {
  const std::lock_guard lock(mutex_);
  return std::exchange(inbox.lost, std::nullopt);
}

void Inbox::close_topic(TopicInbox& inbox, std::optional<Error> why) {
  const std::lock_guard lock(mutex_);
  inbox.closed = std::move(why);
  if (waiting_for_room_ > 0) room_.notify_all();
}

void Inbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  room_.notify_all();
}

}  // namespace walrus::embed
