// How fast copies go that are to go (discards.h, disposal.h).
#pragma once

#include <chrono>

namespace walrus::controller::removal {

/// Leaders and readers have let go by then.
inline constexpr auto kLetGoDelay = std::chrono::milliseconds(100);
inline constexpr auto kRoundDelay = std::chrono::milliseconds(10);
inline constexpr auto kRetryDelay = std::chrono::seconds(5);

}  // namespace walrus::controller::removal
