// walrus-cli consume: takes records off a topic's shared cursor and writes each, and a newline, to stdout.
//
// A GET takes its record whatever becomes of the answer. So there are never more GETs in flight than records still
// wanted, their number grows from one only while records come, and after a stop (SIGINT, SIGTERM, a closed stdout) the
// answers that are owed are still waited for. Records that could not be written, or whose answer never came, are
// counted and named; a second signal ends the program at once.
//
// Without follow it ends at EMPTY. With follow it asks again after 10 ms, then after twice as long, up to 200 ms, and
// it connects again after a break. Main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/exit_status.h"
#include "cli/progress.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

inline constexpr std::size_t kDefaultConsumeDepth = 256;

struct ConsumeOptions {
  std::string topic;
  std::optional<std::uint64_t> max;
  bool follow = false;
  std::size_t depth = kDefaultConsumeDepth;
  Progress::Style style = Progress::Style::kPlain;
};

ExitStatus run_consume(client::Connection& connection, const ConsumeOptions& options);

}  // namespace walrus::cli
