// walrus-chaos: a real cluster under real faults. Prints what was done and what came of it; exits with 1 when something
// is wrong, and then says how to begin again with the same faults and where everything lies.

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <random>

#include "tests/chaos/chaos_run.h"
#include "tests/chaos/disk_filler.h"

namespace {

using walrus::chaos::RunOptions;
using walrus::chaos::RunReport;

void print_report(const RunReport& report) {
  std::size_t faults = 0;
  std::string kinds;
  for (const auto& [kind, count] : report.fault_counts) {
    faults += count;
    kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count, kind);
  }
  fmt::print("faults: {} ({})\n", faults, kinds);
  for (const auto& [what, number] : report.numbers) fmt::print("{:>12}  {}\n", number, what);
  fmt::print("longest pause of each producer, faults included, s: {:.2f}\n", fmt::join(report.longest_pauses, " "));
  fmt::print("all producers got on {:.2f} s after the last fault was over\n", report.settle_seconds);
}

int judge(const RunOptions& options, const RunReport& report) {
  print_report(report);
  if (report.violations.empty()) {
    fmt::print("seed {}: nothing wrong\n", options.seed);
    std::error_code ignored;
    std::filesystem::remove_all(options.folder, ignored);
    return 0;
  }
  std::ofstream list(options.folder / "faults.txt");
  for (const std::string& fault : report.faults) list << fault << "\n";
  for (const std::string& violation : report.violations) list << violation << "\n";
  fmt::print("seed {} is red:\n", options.seed);
  for (const std::string& violation : report.violations) fmt::print("  {}\n", violation.substr(0, 600));
  fmt::print("faults: {}\ndata and logs: {}\nagain: walrus-chaos --seed {} --seconds {} --nodes {} --replicas {}\n",
             (options.folder / "faults.txt").string(), options.folder.string(), options.seed, options.duration.count(),
             options.nodes, options.replicas);
  return 1;
}

std::filesystem::path new_folder(const std::string& parent) {
  std::filesystem::create_directories(parent);
  std::string name = parent + "/walrus-chaos-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder can be made in " + parent);
  return name;
}

}  // namespace

int main(int argc, char** argv) {
  RunOptions options;
  options.seed = std::random_device{}();
  std::uint64_t seconds = 60;
  std::vector<std::string> kinds;
  std::string parent = std::filesystem::temp_directory_path().string();
  bool no_mounts = false;
  CLI::App app("Runs real nodes under faults of processes, disks and links, and checks every replica afterwards.");
  app.add_option("--seed", options.seed, "of the faults and the clients; random when not given");
  app.add_option("--seconds", seconds, "of faults")->capture_default_str();
  app.add_option("--nodes", options.nodes)->capture_default_str()->check(CLI::Range(1, 9));
  app.add_option("--topics", options.topics)->capture_default_str()->check(CLI::Range(1, 100));
  app.add_option("--producers", options.producers)->capture_default_str()->check(CLI::Range(1, 100));
  app.add_option("--per-second", options.per_second, "PUTs of each producer")->capture_default_str();
  app.add_option("--replicas", options.replicas)->capture_default_str()->check(CLI::Range(1, 7));
  app.add_option("--segment-entries", options.segment_entries)->capture_default_str();
  app.add_option("--faults", kinds, "only these kinds, separated by commas")->delimiter(',');
  app.add_option("--folder", parent, "where data and logs are kept")->capture_default_str();
  app.add_flag("--no-mounts", no_mounts, "no disk gets full (which takes root)");
  app.add_flag("--verbose", options.verbose, "tell each fault when it begins");
  CLI11_PARSE(app, argc, argv);
  options.duration = std::chrono::seconds(seconds);
  options.kinds = {kinds.begin(), kinds.end()};
  options.small_disks = !no_mounts && walrus::chaos::enter_mount_namespace();
  if (!options.small_disks) fmt::print("no disk will be full: that takes root, for mounts\n");
  try {
    options.folder = new_folder(parent);
    fmt::print("seed {}, {} nodes, {} s, in {}\n", options.seed, options.nodes, seconds, options.folder.string());
    return judge(options, walrus::chaos::run_chaos(options));
  } catch (const std::exception& error) {
    fmt::print("seed {}: {}\ndata and logs: {}\n", options.seed, error.what(), options.folder.string());
    return 2;
  }
}
