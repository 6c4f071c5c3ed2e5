// The golden bytes of this room, by name.
#pragma once

#include <string>

#include "tests/golden/read_golden.h"

namespace walrus::storage::test {

inline std::string read_golden(const std::string& name) { return walrus::read_golden("storage/" + name); }

}  // namespace walrus::storage::test
