// walrus-bench: load on a Walrus cluster, and the raw limits of disk and network.
//
// Exit status: 0 measured without an error, 1 there were errors (they are in the result), 2 usage, 3 not reachable.
#include <variant>

#include "bench/command_line.h"
#include "bench/commands.h"

int main(int argc, char** argv) {
  namespace bench = walrus::bench;
  const auto parsed = bench::parse_command_line(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  return std::visit([](const auto& command) { return bench::run(command); }, std::get<bench::Command>(parsed));
}
