// rolls: what the opening of new segments adds to the latency of PUTs. The same load at the same rate, into topics
// whose segments never fill and then into topics with small ones.
#include <fmt/core.h>

#include "base/assert.h"
#include "bench/commands.h"
#include "bench/load_run.h"

namespace walrus::bench {
namespace {

constexpr double kShare = 0.999;

std::optional<LoadResult> run_with(LoadCommand command, const char* name, std::uint64_t segment_entries,
                                   std::optional<int>& failed) {
  command.topic_prefix += fmt::format("-{}", name);
  command.workload += fmt::format(" ({})", name);
  if (!command.register_options.empty()) command.register_options += ' ';
  command.register_options += fmt::format("segment_entries={}", segment_entries);
  const auto codec = codec_of(command);
  if (const auto status = prepare(command, *codec)) {
    failed = status;
    return std::nullopt;
  }
  auto result = run_shown(command.workload, command.plan, *codec);
  if (!result) {
    failed = static_cast<int>(ExitCode::kEnvironment);
    return std::nullopt;
  }
  print_result(command, *result);
  return result;
}

}  // namespace

int run(const RollsCommand& command) {
  std::optional<int> failed;
  constexpr std::uint64_t kNever = 1'000'000'000;
  const auto without = run_with(command.load, "none", kNever, failed);
  if (!without) return *failed;
  const auto with = run_with(command.load, "small", command.segment_entries, failed);
  if (!with) return *failed;
  const auto before = without->latency.percentile(kShare);
  const auto after = with->latency.percentile(kShare);
  if (command.load.format == Format::kTable && before && after) {
    const std::uint64_t filled = with->done / command.segment_entries;
    fmt::print("\n{} segments filled; p99.9 {} without them, {} with them\n", grouped(static_cast<double>(filled)),
               as_time(static_cast<double>(*before)), as_time(static_cast<double>(*after)));
  }
  return std::max(status_of(*without), status_of(*with));
}

}  // namespace walrus::bench
