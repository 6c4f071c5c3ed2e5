// walrus-budget: what a request costs in instructions, allocations and system calls, and whether that is within the
// budget. The counts do not depend on how busy the machine is.
//
// Exit status: 0 within the budget, 1 above it (the table says where), 2 usage, 3 something could not be counted.
#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdio>
#include <fstream>
#include <optional>

#include "tests/budget/counts.h"
#include "tests/harness/temp_dir.h"

namespace {

using namespace walrus;

constexpr int kOver = 1;
constexpr int kUsage = 2;
constexpr int kCannot = 3;

struct Arguments {
  std::string budget;
  bool update = false;
  std::vector<std::string> only;
  budget::CountOptions count{.directory = ".", .callgrind_out = {}};
  bool no_instructions = false;
  // Of the processes that this program starts.
  std::string serve;
  std::uint64_t turns = 0;
  std::string serve_directory;
};

std::optional<int> parse(int argc, char** argv, Arguments& arguments) {
  CLI::App app{"Counts what a request costs: instructions, allocations, system calls.", "walrus-budget"};
  std::vector<std::string> names;
  for (const auto& workload : budget::workloads()) names.push_back(workload.name);
  app.add_option("--budget", arguments.budget, "the file that says what is allowed");
  app.add_flag("--update", arguments.update, "write that file instead of comparing with it");
  app.add_option("--only", arguments.only, "workloads, with commas between them")
      ->check(CLI::IsMember(names))
      ->delimiter(',');
  app.add_option("--dir", arguments.count.directory, "where the data of the counts with a real disk goes");
  app.add_flag("--no-instructions", arguments.no_instructions, "without valgrind, which takes most of the time");
  app.add_option("--callgrind-out", arguments.count.callgrind_out, "keep callgrind's file of the last workload here");
  app.add_option("--serve", arguments.serve)->check(CLI::IsMember(names))->group("");
  app.add_option("--turns", arguments.turns)->group("");
  app.add_option("--directory", arguments.serve_directory)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : (app.exit(error), kUsage);
  }
  arguments.count.instructions = !arguments.no_instructions;
  return std::nullopt;
}

bool chosen(const Arguments& arguments, const std::string& name) {
  return arguments.only.empty() || std::ranges::find(arguments.only, name) != arguments.only.end();
}

int compare(const Arguments& arguments) {
  std::vector<budget::Line> allowed;
  if (!arguments.budget.empty() && !arguments.update) {
    const auto parsed = budget::parse_budget(test::read_file(arguments.budget));
    if (!parsed || parsed->empty()) throw std::runtime_error(arguments.budget + " is not a budget");
    allowed = *parsed;
  }
  std::vector<budget::Line> counted;
  bool over = false;
  fmt::print("{}", budget::report_header());
  for (const auto& workload : budget::workloads()) {
    if (!chosen(arguments, workload.name)) continue;
    const auto line = std::ranges::find(allowed, workload.name, &budget::Line::workload);
    counted.push_back({workload.name, budget::count(workload, arguments.count)});
    fmt::print("{}",
               report_line(workload.name, counted.back().costs, line == allowed.end() ? nullptr : &line->costs, over));
    std::fflush(stdout);
  }
  if (arguments.update) std::ofstream(arguments.budget) << budget::format_budget(counted);
  if (over) fmt::print(stderr, "walrus-budget: a request costs more than {} allows\n", arguments.budget);
  return over ? kOver : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const auto status = parse(argc, argv, arguments)) return *status;
  try {
    if (!arguments.serve.empty()) {
      return budget::serve_and_print(*budget::find_workload(arguments.serve), arguments.turns,
                                     arguments.serve_directory);
    }
    if (arguments.count.instructions && !budget::have_valgrind()) {
      fmt::print(stderr, "walrus-budget: without valgrind no instructions are counted (--no-instructions)\n");
      return kCannot;
    }
    return compare(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "walrus-budget: {}\n", error.what());
    return kCannot;
  }
}
