// walrus-cli node list|drain|remove: the nodes of the cluster and what an operator wants of them. Main thread.
#pragma once

#include <cstdint>
#include <string>

#include "cli/exit_status.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

struct NodeOptions {
  enum class Action : std::uint8_t { kList, kDrain, kRemove };
  Action action = Action::kList;
  std::uint64_t node = 0;
  bool json = false;       ///< list: as the server sent it
  bool cancel = false;     ///< drain: not any more
  bool lose_data = false;  ///< remove: even when nobody else has what it holds
};

ExitStatus run_node(client::Connection& connection, const NodeOptions& options);

/// The JSON of NODES as a table for people; the JSON itself when it is not what is expected.
std::string node_table(const std::string& json);

}  // namespace walrus::cli
