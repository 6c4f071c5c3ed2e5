// walrus-sim: simulated clusters under faults, one seed after the other. Prints what was done, and for a red seed what
// is wrong and how to repeat it. Exits with 1 when a seed is red.

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/planted_bug.h"
#include "tests/sim/chaos.h"
#include "tests/sim/scenarios.h"

namespace {

int run(std::uint64_t first, std::uint64_t seeds, const walrus::sim::ChaosOptions& base) {
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t red = 0;
  double hours = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    walrus::sim::ChaosOptions options = base;
    options.seed = seed;
    const auto report = walrus::sim::run_chaos(options);
    hours += std::chrono::duration<double, std::ratio<3600>>(report.virtual_time).count();
    if (report.wrong.empty()) continue;
    ++red;
    fmt::print("seed {} is red: {}\n  repeat: walrus-sim --seed {} --nodes {} --time {} --verbose\n", seed,
               report.wrong, seed, options.nodes,
               std::chrono::duration_cast<std::chrono::seconds>(options.duration).count());
  }
  const double minutes =
      std::chrono::duration<double, std::ratio<60>>(std::chrono::steady_clock::now() - started).count();
  fmt::print("{} seeds, {} red, {:.2f} virtual hours, {:.1f} seeds per minute\n", seeds, red, hours,
             static_cast<double>(seeds) / minutes);
  return red == 0 ? 0 : 1;
}

/// Scenarios whose name is `name` ("all": each of them), each with all seeds.
int run_scenarios(const std::string& name, std::uint64_t first, std::uint64_t seeds) {
  std::uint64_t run = 0;
  std::uint64_t red = 0;
  for (const walrus::sim::Scenario& scenario : walrus::sim::scenarios()) {
    if (name != "all" && name != scenario.name) continue;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed, ++run) {
      const std::string wrong = walrus::sim::run_scenario(scenario, seed);
      if (wrong.empty()) continue;
      ++red;
      fmt::print("{} ({}) seed {} is red: {}\n", scenario.name, scenario.what, seed, wrong);
    }
  }
  fmt::print("{} scenario runs, {} red\n", run, red);
  return run > 0 && red == 0 ? 0 : 1;
}

bool plant([[maybe_unused]] const std::string& name) {
#ifdef WALRUS_PLANTED_BUGS
  const auto place = std::ranges::find(walrus::kPlantedBugNames, name);
  walrus::planted_bug = static_cast<walrus::PlantedBug>(place - walrus::kPlantedBugNames.begin());
  return true;
#else
  fmt::print(stderr, "walrus-sim: this build contains no planted bugs; configure it with -DWALRUS_PLANTED_BUGS=ON\n");
  return false;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t seconds = 30;
  std::string scenario;
  walrus::sim::ChaosOptions options;
  CLI::App app("Runs whole Walrus clusters in one thread on virtual time, with faults, and checks what came of it.");
  app.add_option("--seed", seed, "first seed")->capture_default_str();
  app.add_option("--seeds", seeds, "how many seeds, one after the other")->capture_default_str();
  app.add_option("--nodes", options.nodes, "nodes of the cluster")->capture_default_str()->check(CLI::Range(1, 7));
  app.add_option("--time", seconds, "virtual seconds of faults")->capture_default_str();
  app.add_flag("--verbose", options.verbose, "print each fault, and the log of the nodes");
  app.add_option("--scenario", scenario, "instead of random faults the story of this name (F1 to F24), or all of them");
  std::string bug = "none";
  app.add_option("--planted-bug", bug, "one that this build contains on purpose (-DWALRUS_PLANTED_BUGS=ON)")
      ->check(
          CLI::IsMember(std::vector<std::string>(walrus::kPlantedBugNames.begin(), walrus::kPlantedBugNames.end())));
  CLI11_PARSE(app, argc, argv);
  if (bug != "none" && !plant(bug)) return 2;
  options.duration = std::chrono::seconds(seconds);
  (void)walrus::log::configure(options.verbose ? walrus::log::Level::kInfo : walrus::log::Level::kOff, {});
  if (!scenario.empty()) return run_scenarios(scenario, seed, seeds);
  return run(seed, seeds, options);
}
