// What a topic's leader knows of its idempotent producers: for each the last batches that were written, so that a batch
// that comes again is recognized and a missing one is noticed (I10).
//
// Happy path: check() says that a batch is the next one of its producer; once it is appended note() remembers it. A
// fresh leader reads what earlier leaders wrote from the log, front to back, through note(), too.
//
// Bounds: limits::kMaxTopicProducers, of each the last limits::kProducerBatches batches. Who wrote longest ago is
// forgotten first. So that a forgotten producer cannot write a batch twice, the table has a horizon: a producer that it
// does not know may begin only if it got its epoch, through Raft, later than that; each one forgotten got its own
// before. An earlier one has to ask for a new epoch.
//
// Pure. One thread.
#pragma once

#include <array>
#include <optional>
#include <unordered_map>

#include "base/limits.h"
#include "base/producer.h"
#include "base/result.h"

namespace walrus::broker {

class ProducerTable {
 public:
  /// `horizon` is a Raft index.
  explicit ProducerTable(std::uint64_t horizon = 0) : horizon_(horizon) {}

  /// Nothing when the batch is the next one of its producer; the offset of its first record when it was written before.
  /// `registered` is the Raft index at which the producer got its epoch. kProducerFenced, kUnknownProducer,
  /// kOutOfSequence, kDuplicate (written before, but so long ago or in such a batch that its offset is not known).
  Result<std::optional<Offset>> check(const ProducerStamp& stamp, std::uint32_t records,
                                      std::uint64_t registered) const;

  /// The batch was appended at `first`, above everything noted before.
  void note(const ProducerStamp& stamp, std::uint32_t records, Offset first, std::uint64_t registered);

  std::size_t size() const { return producers_.size(); }

 private:
  struct Batch {
    std::uint32_t sequence = 0;
    std::uint32_t records = 0;
    Offset first;
  };
  struct Producer {
    std::uint16_t epoch = 0;
    std::uint64_t registered = 0;
    std::uint32_t next = 0;   // sequence
    std::size_t written = 0;  // batches; the last of them stand in the ring
    std::array<Batch, limits::kProducerBatches> ring;
    const Batch& last() const { return ring[(written - 1) % ring.size()]; }
  };

  void forget_oldest();

  std::uint64_t horizon_;
  std::unordered_map<ProducerId, Producer> producers_;
};

}  // namespace walrus::broker
