// walrus-cli produce: every line of stdin becomes a record of a topic, in order and exactly once, in batches.
//
// A line is stored byte for byte without its newline ('\r' stays); with a key separator, what stands before its first
// occurrence is the record's key. An empty line cannot be a record and is counted, not stored. Lines leave as soon as
// they are read; at most about 4 MiB of them are under way.
//
// What passes by itself (a failover, a broken connection) is tried again until the connection's reply_timeout is over;
// nothing is stored twice. It stops at the first record that fails then, and says how many are acknowledged, how many
// have an unknown outcome, and which line is the first without an acknowledgement. Main thread.
#pragma once

#include <string>

#include "cli/exit_status.h"
#include "cli/progress.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

struct ProduceOptions {
  std::string topic;
  bool register_topic = true;
  std::string key_separator{};  ///< empty: no keys
  Progress::Style style = Progress::Style::kPlain;
};

ExitStatus run_produce(const client::Options& connection, const ProduceOptions& options);

}  // namespace walrus::cli
