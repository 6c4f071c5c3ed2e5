// errno as an Error: which code, and "operation path: text" as the detail.
#pragma once

#include <string_view>

#include "base/error.h"

namespace walrus::io {

/// kDiskFull, kNotFound, kExists, or kIo for all others. `number` is an errno value.
Error system_error(int number, std::string_view operation, std::string_view path);

}  // namespace walrus::io
