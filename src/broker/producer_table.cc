#include "broker/producer_table.h"

#include <fmt/core.h>

#include <algorithm>

namespace walrus::broker {

namespace {

/// Whether `sequence` lies before `next`, on the circle of sequences.
bool lies_before(std::uint32_t sequence, std::uint32_t next) {
  const std::uint32_t distance = (next - sequence) % kSequences;
  return distance != 0 && distance < kSequences / 2;
}

std::unexpected<Error> out_of_sequence(std::uint32_t next) {
  return fail(ErrorCode::kOutOfSequence, fmt::format("{} is the next", next));
}

}  // namespace

Result<std::optional<Offset>> ProducerTable::check(const ProducerStamp& stamp, std::uint32_t records,
                                                   std::uint64_t registered) const {
  const auto found = producers_.find(stamp.id);
  if (found == producers_.end()) {
    if (stamp.sequence != 0 || registered < horizon_) return fail(ErrorCode::kUnknownProducer);
    return std::nullopt;
  }
  const Producer& producer = found->second;
  if (stamp.epoch < producer.epoch) return fail(ErrorCode::kProducerFenced);
  if (stamp.epoch > producer.epoch) {
    if (stamp.sequence != 0) return out_of_sequence(0);
    return std::nullopt;
  }
  if (stamp.sequence == producer.next) return std::nullopt;
  const std::size_t kept = std::min(producer.written, producer.ring.size());
  for (std::size_t i = 0; i < kept; ++i) {
    const Batch& batch = producer.ring[i];
    if (batch.sequence == stamp.sequence && batch.records == records) return batch.first;
  }
  const bool all_before =
      lies_before(stamp.sequence, producer.next) && (producer.next - stamp.sequence) % kSequences >= records;
  if (all_before) return fail(ErrorCode::kDuplicate);
  return out_of_sequence(producer.next);
}

void ProducerTable::note(const ProducerStamp& stamp, std::uint32_t records, Offset first, std::uint64_t registered) {
  const auto [at, fresh] = producers_.try_emplace(stamp.id);
  Producer& producer = at->second;
  if (fresh || producer.epoch != stamp.epoch) producer = {.epoch = stamp.epoch, .registered = registered, .ring = {}};
  producer.ring[producer.written % producer.ring.size()] = {
      .sequence = stamp.sequence, .records = records, .first = first};
  ++producer.written;
  producer.next = sequence_after(stamp.sequence, records);
  if (producers_.size() > limits::kMaxTopicProducers) forget_oldest();
}

void ProducerTable::forget_oldest() {
  const auto oldest =
      std::ranges::min_element(producers_, {}, [](const auto& entry) { return entry.second.last().first; });
  horizon_ = std::max(horizon_, oldest->second.registered + 1);
  producers_.erase(oldest);
}

}  // namespace walrus::broker
