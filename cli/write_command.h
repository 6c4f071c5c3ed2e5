// The one-off commands that write and are told an offset: append, expect, fence. The offset alone goes to stdout.
#pragma once

#include <cstdint>
#include <string>

#include "cli/exit_status.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

struct WriteOptions {
  enum class Action : std::uint8_t { kAppend, kExpect, kFence };
  Action action = Action::kAppend;
  std::uint64_t number = 0;  ///< of expect: the offset at which the topic ends; of fence: the token
};

/// "-" as payload stands for all of stdin.
ExitStatus run_write(client::Connection& connection, const WriteOptions& options, const std::string& topic,
                     const std::string& payload);

}  // namespace walrus::cli
