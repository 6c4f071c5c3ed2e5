#include "tests/sim/hunt.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/planted_bug.h"

namespace walrus::sim {

namespace {

/// True when it was found.
bool hunt_one(std::string_view name, std::uint64_t seeds, const ChaosOptions& base) {
  const auto started = std::chrono::steady_clock::now();
  for (std::uint64_t tried = 0; tried < seeds; ++tried) {
    ChaosOptions options = base;
    options.seed = base.seed + tried;
    const ChaosReport report = run_chaos(options);
    if (report.wrong.empty()) continue;
    fmt::print("{}: found by seed {} after {:.1f} s: {}\n", name, options.seed,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(), report.wrong);
    std::fflush(stdout);
    return true;
  }
  fmt::print("{}: NOT FOUND in {} seeds\n", name, seeds);
  return false;
}

}  // namespace

bool plant([[maybe_unused]] const std::string& name) {
#ifdef WALRUS_PLANTED_BUGS
  const auto place = std::ranges::find(kPlantedBugNames, name);
  planted_bug = static_cast<PlantedBug>(place - kPlantedBugNames.begin());
  return true;
#else
  return false;
#endif
}

std::size_t hunt(const std::string& name, std::uint64_t seeds, const ChaosOptions& base) {
  std::size_t missed = 0;
  for (const std::string_view bug : kPlantedBugNames) {
    const bool meant = name == "all" ? bug != "none" : bug == name;
    if (!meant || !plant(std::string(bug))) continue;
    if (!hunt_one(bug, seeds, base)) ++missed;
  }
  return missed;
}

}  // namespace walrus::sim
