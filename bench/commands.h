// What walrus-bench does, one function for each kind of command. They print the result on stdout and what is wrong on
// stderr, and return the exit status. Main thread.
#pragma once

#include "bench/command_line.h"

namespace walrus::bench {

inline constexpr int kErrorsHappened = 1;

int run(const LoadCommand& command);
int run(const FetchCommand& command);
int run(const RollsCommand& command);
int run(const ProduceCommand& command);
int run(const RawSyncCommand& command);
int run(const EngineCommand& command);
int run(const RestartCommand& command);
int run(const EchoCommand& command);
int run(const ChartCommand& command);

}  // namespace walrus::bench
