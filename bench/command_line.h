// The command line of walrus-bench. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "bench/engine.h"
#include "bench/fetch_codec.h"
#include "bench/load.h"
#include "bench/raw_sync.h"
#include "bench/restart.h"

namespace walrus::bench {

enum class Format : std::uint8_t { kTable, kJson, kCsv };

struct LoadCommand {
  std::string workload;
  std::string peer = "walrus";
  std::string address = "127.0.0.1:9091";
  std::string topic_prefix = "bench";
  std::size_t record_bytes = 100;
  std::uint64_t prefill = 0;     ///< records that are written, unmeasured, before the run
  std::string register_options;  ///< behind "REGISTER <topic>"
  LoadPlan plan;
  Format format = Format::kTable;
  std::string plot;  ///< where the chart of the run goes; empty: nowhere
};

/// Consumers that read batches; of `load` the connections are theirs, the depth that of the writers beside them.
struct FetchCommand {
  LoadCommand load;
  FetchOptions options;
  std::size_t writers = 0;
  double write_rate = 0;  ///< of all writers; 0: as fast as it goes
  bool once = false;      ///< until all is read, not until the time is up
};

/// The same load into large and into small segments.
struct RollsCommand {
  LoadCommand load;
  std::uint64_t segment_entries = 10'000;
};

/// Records through the client library's producers: as many as `connections`, each with up to `depth` records under way.
struct ProduceCommand {
  LoadCommand load;
};

/// A chart of what stands on stdin.
struct ChartCommand {
  std::string out;  ///< empty: stdout
};

struct RawSyncCommand {
  RawSyncPlan plan;
  Format format = Format::kTable;
};

struct EchoCommand {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
};

struct EngineCommand {
  EnginePlan plan;
  Format format = Format::kTable;
};

struct RestartCommand {
  RestartPlan plan;
  Format format = Format::kTable;
};

using Command = std::variant<LoadCommand, FetchCommand, RollsCommand, ProduceCommand, RawSyncCommand, EchoCommand,
                             EngineCommand, RestartCommand, ChartCommand>;

/// What the arguments ask for; or the exit status when that is all there is to do (help, version, a mistake: printed).
std::variant<Command, int> parse_command_line(int argc, const char* const* argv);

}  // namespace walrus::bench
