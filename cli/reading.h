// walrus-cli tail, and consume --group: records from a place of a topic, or from where a group stands, each with a
// newline to stdout.
//
// tail moves nothing. consume --group commits what it has written: stopped or broken at any moment it goes on with the
// first record that was not written, and may repeat the last ones, never skip one. With follow both wait at the server
// for new records, and connect again after a break. Main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/exit_status.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

struct ReadingOptions {
  std::string topic{};
  std::string group{};      ///< empty: none, of tail
  std::string from{};       ///< a place as SEEK and FETCH take it; empty: where the group stands, the last records
  std::uint64_t last = 10;  ///< tail without a place: so many records before the end
  std::optional<std::uint64_t> max{};
  bool follow = false;
  bool json = false;  ///< each record as one line of JSON, with offset, timestamp, key and headers
};

ExitStatus run_tail(client::Connection& connection, const ReadingOptions& options);
ExitStatus run_group_consume(client::Connection& connection, const ReadingOptions& options);

}  // namespace walrus::cli
