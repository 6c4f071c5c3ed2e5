// walrus-cli produce: every line of stdin becomes a record of a topic, in order, pipelined over one connection.
//
// A line is stored byte for byte without its newline ('\r' stays). An empty line cannot be a record and is counted, not
// stored. Lines leave as soon as they are read; at most `depth` of them, and about 1 MiB, are in flight.
//
// It stops at the first thing that goes wrong: an ERR, a line longer than a frame takes, a broken connection. Then it
// says how many records are acknowledged, how many have an unknown outcome, and which line is the first without an
// acknowledgement. Nothing is repeated. Main thread.
#pragma once

#include <cstddef>
#include <string>

#include "cli/exit_status.h"
#include "cli/progress.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

inline constexpr std::size_t kDefaultProduceDepth = 1'024;

struct ProduceOptions {
  std::string topic;
  bool register_topic = true;
  std::size_t depth = kDefaultProduceDepth;
  Progress::Style style = Progress::Style::kPlain;
};

ExitStatus run_produce(client::Connection& connection, const ProduceOptions& options);

}  // namespace walrus::cli
