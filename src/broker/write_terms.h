// What a batch asks of the end of its topic before it gets its offsets.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/ids.h"
#include "base/producer.h"

namespace walrus::broker {

struct WriteTerms {
  std::uint32_t records = 0;
  std::optional<Offset> expected_end = {};     ///< the topic ends here, else nothing is written
  std::optional<std::uint64_t> token = {};     ///< the topic asks for no higher one, else nothing is written
  std::optional<ProducerStamp> producer = {};  ///< as in the batch's header

  /// It may not be written at all, although the leader leads.
  bool conditional() const { return expected_end || token || producer; }
};

/// The leader has looked at the batch and will not write it, now or later; what comes behind it is not touched by that.
constexpr bool is_verdict(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnexpectedEnd:
    case ErrorCode::kTokenFenced:
    case ErrorCode::kProducerFenced:
    case ErrorCode::kUnknownProducer:
    case ErrorCode::kOutOfSequence:
    case ErrorCode::kDuplicate:
    case ErrorCode::kTooLarge:
      return true;
    default:
      return false;
  }
}

}  // namespace walrus::broker
