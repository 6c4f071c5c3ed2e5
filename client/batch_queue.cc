#include "batch_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace walrus::client {
namespace {

/// Sequence numbers go round as Kafka's do: 0 follows the greatest.
std::int32_t advance(std::int32_t sequence, std::int32_t by) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(by)) &
                                   0x7fffffffU);
}

}  // namespace

std::uint64_t BatchQueue::add(std::string_view record, Producer::Done done, std::uint64_t mark) {
  const bool room = !waiting_.empty() && waiting_.back()->records.size() + record.size() <= batch_bytes_ &&
                    waiting_.back()->done.size() < limits::kMaxWriteRecords;
  if (!room) {
    waiting_.push_back(std::make_shared<WriteBatch>());
    waiting_.back()->opened = WriteBatch::Clock::now();
    waiting_.back()->mark = mark;
  }
  waiting_.back()->records += record;
  waiting_.back()->done.push_back(std::move(done));
  return waiting_.back()->mark;
}

WriteBatchPtr BatchQueue::next(WriteBatch::Clock::time_point now) {
  if (repeating_) return nullptr;
  if (next_sent_ == sent_.size()) {
    if (sent_.size() == kMaxBatchesInFlight || waiting_.empty()) return nullptr;
    if (waiting_.size() == 1 && waiting_.front()->records.size() < batch_bytes_ &&
        waiting_.front()->opened + linger_ > now) {
      return nullptr;
    }
    sent_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    sent_.back()->sequence = next_sequence_;
    next_sequence_ = advance(next_sequence_, sent_.back()->count());
  }
  ++under_way_;
  return sent_[next_sent_++];
}

std::optional<WriteBatch::Clock::time_point> BatchQueue::due() const {
  if (repeating_ || waiting_.empty() || sent_.size() == kMaxBatchesInFlight) return std::nullopt;
  return waiting_.front()->opened + linger_;
}

void BatchQueue::take_out(const WriteBatch& batch) {
  const auto at = std::ranges::find(sent_, &batch, [](const WriteBatchPtr& each) { return each.get(); });
  WALRUS_ASSERT(at != sent_.end() && std::distance(sent_.begin(), at) < static_cast<std::ptrdiff_t>(next_sent_));
  --next_sent_;
  --under_way_;
  sent_.erase(at);
}

void BatchQueue::stored(const WriteBatch& batch) {
  take_out(batch);
  failures_ = 0;
}

void BatchQueue::refused(const WriteBatch& batch) {
  const std::int32_t gone = batch.sequence;
  take_out(batch);
  next_sequence_ = gone;
  for (const WriteBatchPtr& later : sent_) {
    const auto behind = static_cast<std::uint32_t>(later->sequence) - static_cast<std::uint32_t>(gone);
    if ((behind & 0x7fffffffU) >= 0x40000000U) continue;  // it stands before
    later->sequence = next_sequence_;
    next_sequence_ = advance(next_sequence_, later->count());
  }
}

void BatchQueue::failed(WriteBatch& batch, bool maybe_stored) {
  --under_way_;
  batch.maybe_stored |= maybe_stored;
  if (!repeating_) ++failures_;
  repeating_ = true;
}

void BatchQueue::repeat() {
  WALRUS_ASSERT(under_way_ == 0);
  repeating_ = false;
  next_sent_ = 0;
}

std::deque<WriteBatchPtr> BatchQueue::begin_anew(WriteBatch::Clock::time_point expired) {
  repeat();
  next_sequence_ = 0;
  std::deque<WriteBatchPtr> all = take_all();
  std::deque<WriteBatchPtr> given_up;
  for (WriteBatchPtr& batch : all) {
    const bool stays = !batch->maybe_stored && batch->opened >= expired;
    (stays ? waiting_ : given_up).push_back(std::move(batch));
  }
  return given_up;
}

std::deque<WriteBatchPtr> BatchQueue::take_all() {
  std::deque<WriteBatchPtr> all = std::exchange(sent_, {});
  std::ranges::move(waiting_, std::back_inserter(all));
  waiting_.clear();
  next_sent_ = 0;
  return all;
}

}  // namespace walrus::client
