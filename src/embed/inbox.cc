#include "embed/inbox.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace walrus::embed {
namespace {

// Of a record: its length, attributes, deltas and the lengths of key and value, at most.
constexpr std::size_t kRecordFraming = 32;
constexpr std::size_t kMostSpareBuilders = 4;

std::size_t size_of(std::span<const NewRecord> records) {
  std::size_t bytes = 0;
  for (const NewRecord& record : records) {
    bytes += kRecordFraming + record.value.size() + (record.key ? record.key->size() : 0);
  }
  return bytes;
}

}  // namespace

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
  if (!filling_) filling_ = std::make_shared<Round>();
  StagedBatch& batch = filling_->batches.emplace_back();
  batch.topic = topic;
  batch.inbox = &inbox;
  batch.round = filling_.get();
  batch.base = inbox.next;
  batch.generation = inbox.generation;
  if (!inbox.spare.empty()) {
    batch.builder = std::move(inbox.spare.back());
    inbox.spare.pop_back();
  }
  inbox.filling = &batch;
  return batch;
}

RoundPtr Inbox::take() {
  const std::lock_guard lock(mutex_);
  told_ = Tell::kNothing;
  if (filling_) {
    for (StagedBatch& batch : filling_->batches) batch.inbox->filling = nullptr;
  }
  return std::exchange(filling_, nullptr);
}

void Inbox::give_back(std::span<const StagedBatchPtr> batches) {
  const std::lock_guard lock(mutex_);
  for (const StagedBatchPtr& batch : batches) {
    bytes_ -= batch->bytes;
    auto& spare = batch->inbox->spare;
    // What has failed before it was finished is still in its builder, and must not join others.
    if (batch->builder.empty() && spare.size() < kMostSpareBuilders) spare.push_back(std::move(batch->builder));
  }
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
