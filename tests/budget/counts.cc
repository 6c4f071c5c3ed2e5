#include "tests/budget/counts.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

#include "tests/budget/counting.h"
#include "tests/budget/syscalls.h"
#include "tests/harness/process.h"
#include "tests/harness/temp_dir.h"

namespace walrus::budget {
namespace {

constexpr const char* kValgrind = "/usr/bin/valgrind";
constexpr auto kValgrindPatience = std::chrono::minutes(5);
/// Turns of the server that are counted; as many come before them.
constexpr std::uint64_t kTurns = 64;
/// Those that need a turn for each request are told apart from the timers only by more of them.
constexpr std::uint64_t kLoneTurns = 1000;

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::uint64_t turns_of(const Workload& workload) {
  const bool lone_request = workload.connections * workload.depth == 1 && workload.verb != Verb::kFetch;
  return lone_request ? kLoneTurns : kTurns;
}

Counted parse_counted(const std::string& output) {
  Counted counted;
  std::istringstream stream(output);
  std::string word;
  if (!(stream >> word >> counted.requests >> word >> counted.allocations) || counted.requests == 0) {
    throw std::runtime_error("not a count: " + output);
  }
  return counted;
}

std::vector<std::string> serve_command(const Workload& workload, std::uint64_t turns,
                                       const std::filesystem::path& directory) {
  std::vector<std::string> command = {own_path(), "--serve", workload.name, "--turns", std::to_string(turns)};
  if (!directory.empty()) command.insert(command.end(), {"--directory", directory.string()});
  return command;
}

double instructions_in(const std::filesystem::path& callgrind_out) {
  std::ifstream file(callgrind_out);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("totals: ")) return std::stod(line.substr(8));
  }
  throw std::runtime_error(callgrind_out.string() + " has no totals");
}

double count_instructions(const Workload& workload, const CountOptions& options) {
  const test::TempDir folder;
  const std::filesystem::path out = options.callgrind_out.empty() ? folder / "callgrind.out" : options.callgrind_out;
  std::vector<std::string> command = {kValgrind, "--tool=callgrind", "--callgrind-out-file=" + out.string(),
                                      "--collect-atstart=no"};
  for (const std::string& function : toggles()) command.push_back("--toggle-collect=" + function);
  for (std::string& argument : serve_command(workload, turns_of(workload), {})) {
    command.push_back(std::move(argument));
  }
  const test::Finished run = test::run(command, {}, {}, kValgrindPatience);
  if (run.ended != test::Ended{.code = 0, .signal = 0}) throw std::runtime_error("callgrind failed:\n" + run.errors);
  return instructions_in(out) / static_cast<double>(parse_counted(run.output).requests);
}

double count_allocations(const Workload& workload) {
  const test::Finished run = test::run(serve_command(workload, turns_of(workload), {}));
  if (run.ended != test::Ended{.code = 0, .signal = 0}) throw std::runtime_error("a run failed:\n" + run.errors);
  const Counted counted = parse_counted(run.output);
  return static_cast<double>(counted.allocations) / static_cast<double>(counted.requests);
}

double count_system_calls(const Workload& workload, const CountOptions& options) {
  std::string folder = (options.directory / "walrus-budget-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
  const Traced traced = trace(serve_command(workload, turns_of(workload), folder));
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (traced.status != 0) throw std::runtime_error(fmt::format("a traced run ended with {}", traced.status));
  std::uint64_t all = 0;
  for (const auto& [number, times] : traced.calls) all += times;
  return static_cast<double>(all) / static_cast<double>(parse_counted(traced.output).requests);
}

}  // namespace

bool have_valgrind() { return std::filesystem::exists(kValgrind); }

Costs count(const Workload& workload, const CountOptions& options) {
  Costs costs;
  costs.allocations = count_allocations(workload);
  if (workload.system_calls) costs.system_calls = count_system_calls(workload, options);
  if (options.instructions) costs.instructions = count_instructions(workload, options);
  return costs;
}

int serve_and_print(const Workload& workload, std::uint64_t turns, const std::filesystem::path& directory) {
  const Counted counted = serve(workload, turns, directory);
  fmt::print("requests {} allocations {}\n", counted.requests, counted.allocations);
  return 0;
}

}  // namespace walrus::budget
