// A hash of a segment's content as a chain over its batches: equal hashes at equal offsets mean equal content. Each
// link takes in where a batch stands, how long it is, and its CRC, which covers its records. Not cryptographic. Pure;
// any thread.
#pragma once

#include <cstdint>

#include "storage/record_batch.h"

namespace walrus::storage {

/// The finalizer of MurmurHash3 (Austin Appleby, public domain): a bijection that spreads every bit.
constexpr std::uint64_t mix_bits(std::uint64_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdu;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53u;
  return value ^ (value >> 33);
}

/// The hash behind `batch`, given the one before it; the chain begins with 0 at the base of a segment.
constexpr std::uint64_t extend_hash(std::uint64_t before, const BatchHeader& batch) {
  const std::uint64_t place = mix_bits(before + batch.base_offset.value() + 1);
  return mix_bits(place ^ (static_cast<std::uint64_t>(batch.crc) << 32 | batch.size));
}

}  // namespace walrus::storage
