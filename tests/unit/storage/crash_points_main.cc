// walrus-crash-points: the whole enumeration of tests/unit/storage/crash_points.h, over several scripted runs and
// settings of the engine. Exits with 1 when an image is wrong, or when the planted bug is not found.
#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>

#include "base/log.h"
#include "tests/unit/storage/crash_points.h"

namespace {

using walrus::SyncPolicy;
using walrus::storage::test::CrashPointOptions;
using walrus::storage::test::CrashPointResult;
using walrus::storage::test::enumerate_crash_points;

struct Setting {
  const char* name;
  void (*apply)(CrashPointOptions& options);
};

constexpr Setting kSettings[] = {
    {"always", [](CrashPointOptions&) {}},
    {"always, one write at a time", [](CrashPointOptions& options) { options.engine.wal_writes_in_flight = 1; }},
    {"always, no direct writes", [](CrashPointOptions& options) { options.engine.segment_direct_bytes = SIZE_MAX; }},
    {"always, large log files", [](CrashPointOptions& options) { options.engine.wal_file_bytes = 512 * 1024; }},
    {"interval:1",
     [](CrashPointOptions& options) {
       options.engine.sync = {.kind = SyncPolicy::Kind::kInterval, .interval = std::chrono::milliseconds(1)};
     }},
    {"never", [](CrashPointOptions& options) { options.engine.sync.kind = SyncPolicy::Kind::kNever; }},
};

void print(const char* name, const CrashPointResult& result) {
  fmt::print("  {:<30} {:>6} points {:>8} images, {} inside recovery; {} records acknowledged\n", name, result.points,
             result.images, result.nested, result.acknowledged);
  for (const std::string& violation : result.violations) fmt::print("    WRONG: {}\n", violation);
}

/// False when something is wrong.
bool run(std::uint64_t seed, std::uint64_t least_points, std::uint64_t nested_every) {
  CrashPointResult total;
  for (std::uint64_t i = 0; total.points < least_points || i < std::size(kSettings); ++i) {
    const Setting& setting = kSettings[i % std::size(kSettings)];
    CrashPointOptions options{.seed = seed + i, .nested_every = nested_every};
    setting.apply(options);
    const CrashPointResult result = enumerate_crash_points(options);
    print(setting.name, result);
    total.points += result.points;
    total.images += result.images;
    total.nested += result.nested;
    total.violations.insert(total.violations.end(), result.violations.begin(), result.violations.end());
  }
  fmt::print("{} points x 4 models, {} of {} images cut power again inside recovery: {} wrong\n", total.points,
             total.nested, total.images, total.violations.size());
  return total.violations.empty();
}

bool planted_bug_is_found(std::uint64_t seed) {
  CrashPointOptions options{.seed = seed};
  options.engine.test_only_ack_before_sync = true;
  const bool found = !enumerate_crash_points(options).violations.empty();
  fmt::print("planted bug (acknowledged before the sync): {}\n", found ? "found" : "NOT FOUND");
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t points = 2000;
  std::uint64_t nested_every = 25;
  CLI::App app("Cuts the power at every change that the engine makes to its disk, recovers, and compares.");
  app.add_option("--seed", seed, "of the first run; the next ones follow")->capture_default_str();
  app.add_option("--points", points, "at least so many, each with four models")->capture_default_str();
  app.add_option("--nested-every", nested_every, "each nth image is cut again at each change of its recovery; 0: none")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  (void)walrus::log::configure(walrus::log::Level::kOff, {});
  const bool right = run(seed, points, nested_every);
  return planted_bug_is_found(seed) && right ? 0 : 1;
}
