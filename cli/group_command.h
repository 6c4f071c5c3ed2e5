// walrus-cli group list|describe|seek|delete: the groups of a topic's readers. Main thread.
#pragma once

#include <cstdint>
#include <string>

#include "cli/exit_status.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

struct GroupCommandOptions {
  enum class Action : std::uint8_t { kList, kDescribe, kSeek, kDelete };
  Action action = Action::kList;
  std::string topic{};
  std::string group{};  ///< of all but list
  std::string place{};  ///< seek
  bool json = false;    ///< list, describe
};

ExitStatus run_group(client::Connection& connection, const GroupCommandOptions& options);

/// The JSON of CURSORS as a table, of one group alone when it is named; the JSON itself when it is not what is
/// expected.
std::string group_table(const std::string& json, const std::string& only = {});

}  // namespace walrus::cli
