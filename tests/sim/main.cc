// walrus-sim: simulated clusters under faults, one seed after the other. Prints what was done, and for a red seed what
// is wrong, the commit, the faults that it takes, and how to repeat it. Exits with 1 when a seed is red.

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <chrono>
#include <fstream>

#include "base/log.h"
#include "base/planted_bug.h"
#include "commit.h"
#include "tests/sim/chaos.h"
#include "tests/sim/hunt.h"
#include "tests/sim/scenarios.h"
#include "tests/sim/shrink.h"

namespace {

using walrus::sim::ChaosOptions;

constexpr std::size_t kShrinkRuns = 40;

long long seconds_of(walrus::io::Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

/// Without the numbers in it: a shorter list is to show the same fault, not any.
std::string kind_of(const std::string& wrong) { return wrong.substr(0, wrong.find(':')); }

void tell_red(const ChaosOptions& options, const std::string& wrong) {
  const auto all = walrus::sim::faults_of(options);
  const auto needed = walrus::sim::shrink(all, kShrinkRuns, [&](const auto& faults) {
    ChaosOptions shorter = options;
    shorter.faults = faults;
    shorter.verbose = false;
    return kind_of(walrus::sim::run_chaos(shorter).wrong) == kind_of(wrong);
  });
  fmt::print("seed {} is red at commit {}: {}\n", options.seed, WALRUS_COMMIT, wrong);
  fmt::print("  of {} faults it takes these {}, on {} nodes:\n", all.size(), needed.size(),
             walrus::sim::nodes_of(options));
  for (const auto& fault : needed) fmt::print("    {}\n", walrus::sim::describe(fault));
  fmt::print("  repeat: walrus-sim --seed {} --nodes {} --time {} --verbose\n", options.seed, options.nodes,
             seconds_of(options.duration));
  std::fflush(stdout);
}

int run(std::uint64_t seeds, const ChaosOptions& base) {
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t red = 0;
  std::uint64_t faults = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t steps = 0;
  double hours = 0;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    ChaosOptions options = base;
    options.seed = base.seed + i;
    const auto report = walrus::sim::run_chaos(options);
    hours += std::chrono::duration<double, std::ratio<3600>>(report.virtual_time).count();
    faults += report.faults;
    acknowledged += report.acknowledged;
    steps += report.tasks;
    if (report.wrong.empty()) continue;
    ++red;
    tell_red(options, report.wrong);
  }
  const double minutes =
      std::chrono::duration<double, std::ratio<60>>(std::chrono::steady_clock::now() - started).count();
  fmt::print("{} seeds, {} red, {} faults, {} records, {} steps, {:.2f} virtual hours, {:.1f} seeds per minute\n",
             seeds, red, faults, acknowledged, steps, hours, static_cast<double>(seeds) / minutes);
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
      fmt::print("{} ({}) seed {} is red at commit {}: {}\n", scenario.name, scenario.what, seed, WALRUS_COMMIT, wrong);
    }
  }
  fmt::print("{} scenario runs, {} red\n", run, red);
  return run > 0 && red == 0 ? 0 : 1;
}

int trace(ChaosOptions options, const std::string& file) {
  std::string lines;
  options.trace = &lines;
  const auto report = walrus::sim::run_chaos(options);
  std::ofstream(file, std::ios::binary) << lines << report.wrong << "\n";
  fmt::print("{} bytes of trace, {}\n", lines.size(), report.wrong.empty() ? "green" : report.wrong);
  return report.wrong.empty() ? 0 : 1;
}

struct Told {
  std::uint64_t seeds = 1;
  std::string scenario;
  std::string bug = "none";
  std::string hunted;
  std::string trace;
};

int carry_out(const Told& told, const ChaosOptions& options) {
  if (told.bug != "none" || !told.hunted.empty()) {
    if (!walrus::sim::plant(told.bug)) {
      fmt::print(stderr, "walrus-sim: only walrus-sim-planted contains planted bugs\n");
      return 2;
    }
  }
  if (!told.hunted.empty()) return walrus::sim::hunt(told.hunted, told.seeds, options) == 0 ? 0 : 1;
  if (!told.scenario.empty()) return run_scenarios(told.scenario, options.seed, told.seeds);
  if (!told.trace.empty()) return trace(options, told.trace);
  return run(told.seeds, options);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seconds = 30;
  Told told;
  ChaosOptions options;
  const std::vector<std::string> bugs(walrus::kPlantedBugNames.begin(), walrus::kPlantedBugNames.end());
  CLI::App app("Runs whole Walrus clusters in one thread on virtual time, with faults, and checks what came of it.");
  app.add_option("--seed", options.seed, "first seed")->capture_default_str();
  app.add_option("--seeds", told.seeds, "how many seeds, one after the other")->capture_default_str();
  app.add_option("--nodes", options.nodes, "nodes of the cluster; 0: 3 to 7, by the seed")
      ->capture_default_str()
      ->check(CLI::Range(0, 7));
  app.add_option("--time", seconds, "virtual seconds of faults")->capture_default_str();
  app.add_flag("--verbose", options.verbose, "print each fault, and the log of the nodes");
  app.add_option("--scenario", told.scenario,
                 "instead of random faults the story of this name (F1 to F24), or all of them");
  app.add_option("--trace", told.trace, "one seed only; every message and fault goes to this file");
  app.add_option("--planted-bug", told.bug, "run with a bug that walrus-sim-planted contains on purpose")
      ->check(CLI::IsMember(bugs));
  app.add_option("--hunt", told.hunted, "find the planted bug of this name, or all of them, within --seeds each");
  CLI11_PARSE(app, argc, argv);
  options.duration = std::chrono::seconds(seconds);
  (void)walrus::log::configure(options.verbose ? walrus::log::Level::kInfo : walrus::log::Level::kOff, {});
  return carry_out(told, options);
}
