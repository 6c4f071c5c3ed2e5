// The steps of a command that loads a server: topics and payload, registering and filling, the run with its live line,
// the result as it was asked for. Main thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/command_line.h"
#include "bench/report.h"

namespace walrus::bench {

std::vector<std::string> topics_of(const LoadCommand& command);
/// The same bytes in each run, and not all the same.
std::string payload_of(std::size_t bytes);
std::unique_ptr<Codec> codec_of(const LoadCommand& command);

/// Registers the topics, where the server knows such a thing, and fills them. Nothing when all is well, else the exit
/// status; what is wrong was printed.
std::optional<int> prepare(const LoadCommand& command, const Codec& codec);

/// With a live line. The error was printed.
std::optional<LoadResult> run_shown(const std::string& what, const LoadPlan& plan, const Codec& codec);

/// On stdout, and as a chart when one is wanted.
void print_result(const LoadCommand& command, const LoadResult& result);

/// Says that nobody is there; the exit status.
int unreachable(std::string_view text);
/// The exit status for this result.
int status_of(const LoadResult& result);

}  // namespace walrus::bench
