// walrus-cli: the shell and the one-off commands of a Walrus cluster (docs/cli.md).
#include "base/standard_streams.h"
#include "cli/command_line.h"
#include "cli/console.h"
#include "cli/one_off.h"
#include "cli/shell.h"

namespace {

using namespace walrus;

cli::ExitStatus run(const cli::CommandLine& line) {
  client::Connection connection(line.connection);
  switch (line.command) {
    case cli::Command::kShell:
      return cli::run_shell(connection);
    case cli::Command::kRegister:
      return cli::run_register(connection, line.topic);
    case cli::Command::kPut:
      return cli::run_put(connection, line.topic, line.payload);
    case cli::Command::kWrite:
      return cli::run_write(connection, line.write, line.topic, line.payload);
    case cli::Command::kGet:
      return cli::run_get(connection, line.topic);
    case cli::Command::kState:
      return cli::run_state(connection, line.topic);
    case cli::Command::kMetrics:
      return cli::run_metrics(connection);
    case cli::Command::kProduce:
      return cli::run_produce(line.connection, line.produce);
    case cli::Command::kConsume:
      if (!line.reading.group.empty()) return cli::run_group_consume(connection, line.reading);
      return cli::run_consume(connection, line.consume);
    case cli::Command::kTail:
      return cli::run_tail(connection, line.reading);
    case cli::Command::kGroup:
      return cli::run_group(connection, line.groups);
    case cli::Command::kInspect:
      return cli::run_inspect(line.inspect);
    case cli::Command::kTopic:
      return cli::run_topic(connection, line.topics);
    case cli::Command::kNode:
      return cli::run_node(connection, line.node);
  }
  return cli::ExitStatus::kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  if (open_closed_streams().output) {
    cli::print_error("stdout is closed: nothing is asked for, since the answer would be lost");
    return cli::value_of(cli::ExitStatus::kUsage);
  }
  const auto parsed = cli::parse_command_line(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  return cli::value_of(run(std::get<cli::CommandLine>(parsed)));
}
