#include "walrus/client/result.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace walrus::client {

bool is_transient(std::string_view text) {
  constexpr std::array kTransient = {ErrorCode::kRaftNotInitialized, ErrorCode::kNotLeader,    ErrorCode::kUnavailable,
                                     ErrorCode::kOverloaded,         ErrorCode::kShuttingDown, ErrorCode::kTimedOut};
  return std::ranges::any_of(kTransient, [&](ErrorCode code) { return text.starts_with(error_text(code)); });
}

}  // namespace walrus::client
