// walrus-failover: how long writers wait when the leader of their segment is lost. Prints one line of numbers, with the
// machine's load; exits with 1 when the checker finds something wrong afterwards.

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>

#include "tests/chaos/failover_trial.h"

namespace {

using namespace walrus::chaos;

double load() {
  double average[1] = {0};
  return ::getloadavg(average, 1) == 1 ? average[0] : 0;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::lround(q * last))];
}

void print_line(const char* what, const std::vector<double>& values) {
  fmt::print("{}: min {:.3f} s, median {:.3f} s, p95 {:.3f} s, max {:.3f} s\n", what, quantile(values, 0),
             quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1));
}

int run(const TrialOptions& options) {
  const double before = load();
  const TrialReport report = run_trials(options);
  std::vector<double> longest;
  std::vector<double> second;
  std::size_t unknown = 0;
  std::size_t refused = 0;
  for (const Trial& trial : report.trials) {
    longest.push_back(trial.longest_pause);
    second.push_back(trial.second_pause);
    unknown += trial.unknown;
    refused += trial.refused;
  }
  fmt::print("{} trials, {} nodes, {} writers on those that stay, {} records acknowledged\n", report.trials.size(),
             options.nodes, options.writers, report.acknowledged);
  print_line("longest pause of any writer", longest);
  print_line("its next longest           ", second);
  fmt::print("PUTs of these writers: {} of unknown outcome, {} refused\n", unknown, refused);
  fmt::print("load average: {:.1f} before, {:.1f} after\n", before, load());
  for (const std::string& violation : report.violations) fmt::print("wrong: {}\n", violation.substr(0, 600));
  if (!report.violations.empty()) return 1;
  fmt::print("nothing acknowledged is lost\n");
  std::error_code ignored;
  std::filesystem::remove_all(options.folder, ignored);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  TrialOptions options;
  std::string parent = std::filesystem::temp_directory_path().string();
  const std::map<std::string, Loss> losses = {{"kill", Loss::kKill}, {"wipe", Loss::kWipe}, {"freeze", Loss::kFreeze}};
  std::uint64_t away = 3;
  CLI::App app(
      "Takes away the leader of an open segment under load, again and again, and measures the writers' pauses.");
  app.add_option("--how", options.loss, "kill -9, the same with the disk wiped, or SIGSTOP")
      ->transform(CLI::CheckedTransformer(losses));
  app.add_option("--trials", options.trials)->capture_default_str();
  app.add_option("--nodes", options.nodes)->capture_default_str()->check(CLI::Range(2, 9));
  app.add_option("--writers", options.writers)->capture_default_str();
  app.add_option("--segment-entries", options.segment_entries)->capture_default_str();
  app.add_option("--away", away, "seconds until the node is back, at least")->capture_default_str();
  app.add_option("--folder", parent, "where data and logs are kept")->capture_default_str();
  app.add_flag("--verbose", options.verbose, "one line for each trial");
  CLI11_PARSE(app, argc, argv);
  options.away = std::chrono::seconds(away);
  try {
    std::filesystem::create_directories(parent);
    std::string name = parent + "/walrus-failover-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder can be made in " + parent);
    options.folder = name;
    return run(options);
  } catch (const std::exception& error) {
    fmt::print("{}\ndata and logs: {}\n", error.what(), options.folder.string());
    return 2;
  }
}
