// What a batch asks of the end of its topic before it gets its offsets.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/ids.h"

namespace walrus::broker {

struct WriteTerms {
  std::uint32_t records = 0;
  std::optional<Offset> expected_end;  ///< the topic ends here, else nothing is written
};

/// The leader has looked at the batch and will not write it, now or later; what comes behind it is not touched by that.
constexpr bool is_verdict(ErrorCode code) { return code == ErrorCode::kUnexpectedEnd; }

}  // namespace walrus::broker
