// Who writes a batch exactly once: the producer's id and epoch, and the place of the batch among its writes.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace walrus {

/// Raft index of the command that first named the producer.
using ProducerId = StrongId<struct ProducerIdTag>;

/// Sequences count the records of one producer epoch from 0, per topic; behind the largest comes 0 again. Widths and
/// ranges are those of the record batch.
inline constexpr std::uint32_t kSequences = 0x8000'0000;
inline constexpr std::uint16_t kMaxProducerEpoch = 0x7fff;

struct ProducerStamp {
  ProducerId id;
  std::uint16_t epoch = 0;     ///< counts the instances that used the name; up to kMaxProducerEpoch
  std::uint32_t sequence = 0;  ///< of the first record; below kSequences

  friend bool operator==(const ProducerStamp&, const ProducerStamp&) = default;
};

/// The sequence `records` behind `sequence`.
constexpr std::uint32_t sequence_after(std::uint32_t sequence, std::uint32_t records) {
  return (sequence + records) % kSequences;
}

}  // namespace walrus
