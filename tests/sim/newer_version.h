// The transport of a node of a later version: each of its messages carries a field that this version does not know.
#pragma once

#include <memory>

#include "io/transport.h"

namespace walrus::sim {

std::unique_ptr<io::Transport> speak_newer_version(std::unique_ptr<io::Transport> transport);

}  // namespace walrus::sim
