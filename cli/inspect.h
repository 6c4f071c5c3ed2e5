// walrus-cli inspect: what lies in a data directory of walrusd, read offline and without changing a byte (the work is
// storage/inspect.h's; here it is told). Takes a --data-dir with its node_<id> directories, or one of those. Main
// thread.
#pragma once

#include <string>

#include "cli/exit_status.h"

namespace walrus::cli {

struct InspectOptions {
  std::string directory;
  bool verify = false;   ///< read everything, check every CRC
  bool batches = false;  ///< list the batches of every segment
  bool json = false;
};

/// kOk: nothing is damaged; kRefused: something is; kUnreachable: it cannot be read.
ExitStatus run_inspect(const InspectOptions& options);

}  // namespace walrus::cli
