// The command line of walrus-cli. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "cli/consume.h"
#include "cli/group_command.h"
#include "cli/inspect.h"
#include "cli/node_command.h"
#include "cli/produce.h"
#include "cli/reading.h"
#include "cli/topic_command.h"
#include "cli/write_command.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

enum class Command : std::uint8_t {
  kShell,
  kRegister,
  kPut,
  kWrite,
  kGet,
  kState,
  kMetrics,
  kProduce,
  kConsume,
  kInspect,
  kTopic,
  kNode,
  kGroup,
  kTail
};

struct CommandLine {
  Command command = Command::kShell;
  client::Options connection;
  std::string topic{};
  std::string payload{};  ///< of put, append and expect: its words with one blank between
  WriteOptions write{};
  ProduceOptions produce{};
  ConsumeOptions consume{};
  InspectOptions inspect{};
  TopicCommandOptions topics{};
  NodeOptions node{};
  GroupCommandOptions groups{};
  ReadingOptions reading{};  ///< tail; consume with a group
};

/// What the arguments ask for; or the exit status when that is all there is to do (help, version, a mistake: printed).
std::variant<CommandLine, int> parse_command_line(int argc, const char* const* argv);

}  // namespace walrus::cli
