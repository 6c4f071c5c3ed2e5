#include "bench/engine.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bench/engine_systems.h"
#include "bench/raw_sync.h"
#include "bench/report.h"
#include "bench/scratch.h"

namespace walrus::bench {
namespace {

constexpr std::size_t kManyTopics = 1000;

using Measure = std::function<Result<double>(const EnginePlan&, const std::filesystem::path& directory)>;

struct Case {
  const char* workload;
  const char* system;
  const char* unit;
  Measure measure;
  bool many_files = false;
};

AppendPlan append_plan(const EnginePlan& plan, const std::filesystem::path& directory, std::size_t threads,
                       std::size_t bytes, bool synced) {
  return {.directory = directory,
          .threads = threads,
          .record_bytes = bytes,
          .topics = 1,
          .synced = synced,
          .shards = plan.shards,
          .io_uring = plan.io_uring,
          .duration = plan.duration};
}

Case append_case(const char* workload, const char* system, std::size_t threads, std::size_t bytes, bool synced,
                 std::size_t topics = 1) {
  const bool rocksdb = std::string_view(system) == "rocksdb";
  return {workload, system, "records/s",
          [=](const EnginePlan& plan, const std::filesystem::path& directory) {
            AppendPlan append = append_plan(plan, directory, threads, bytes, synced);
            append.topics = topics;
            return rocksdb ? rocksdb_appends(append) : walrus_appends(append);
          },
          topics == kManyTopics};
}

Case scan_case(const char* workload, std::size_t bytes) {
  return {workload, "walrus", "bytes/s", [=](const EnginePlan& plan, const std::filesystem::path& directory) {
            return walrus_scan({.directory = directory, .record_bytes = bytes, .duration = plan.duration});
          }};
}

Result<double> raw_writes(const EnginePlan& plan, const std::filesystem::path& directory) {
  WALRUS_ASSIGN(const RawSyncResult raw, run_raw_sync({.directory = directory, .duration = plan.duration}));
  return static_cast<double>(raw.writes) / raw.seconds;
}

/// In the order in which a round runs them: what is compared stands together.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"durable-1", "raw", "records/s", raw_writes},
      append_case("durable-1", "walrus", 1, 100, true),
      append_case("durable-1", "rocksdb", 1, 100, true),
      append_case("durable-64", "walrus", 64, 100, true),
      append_case("durable-64", "rocksdb", 64, 100, true),
      append_case("durable-64-topics-1000", "walrus", 64, 100, true, kManyTopics),
      append_case("unsynced-100", "walrus", 1, 100, false),
      append_case("unsynced-100", "rocksdb", 1, 100, false),
      append_case("unsynced-1024", "walrus", 1, 1024, false),
      append_case("unsynced-1024", "rocksdb", 1, 1024, false),
      scan_case("scan-100", 100),
      scan_case("scan-1024", 1024),
  };
  return all;
}

/// What has many files stays in `kept`: a file system that has just lost thousands of them may be slow to make new ones
/// (ext4 without a journal looks at each inode that was freed in the last minute), in the time of whatever comes next.
Status measure(const EnginePlan& plan, const Case& one, EngineRow& row, std::vector<std::unique_ptr<Scratch>>& kept) {
  auto scratch = std::make_unique<Scratch>(plan.directory);
  if (!scratch->made()) return fail(ErrorCode::kIo, "cannot make a directory in " + plan.directory.string());
  auto value = one.measure(plan, scratch->path());
  if (one.many_files) kept.push_back(std::move(scratch));
  if (value) {
    row.rounds.push_back(*value);
  } else if (value.error().code == ErrorCode::kUnsupported) {
    row.skipped = value.error().detail;
  } else {
    return fail(value.error().code, fmt::format("{} on {}: {}", one.workload, one.system, value.error().message()));
  }
  return {};
}

const EngineRow* find(const EngineResult& result, std::string_view workload, std::string_view system) {
  const auto row = std::ranges::find_if(
      result.rows, [&](const EngineRow& it) { return it.workload == workload && it.system == system; });
  return row == result.rows.end() || row->rounds.empty() ? nullptr : &*row;
}

/// The median of the ratios of the rounds: what disturbs a round disturbs both.
void add_ratio(EngineResult& result, const char* text, double goal, std::pair<const char*, const char*> above,
               std::pair<const char*, const char*> below) {
  const EngineRow* over = find(result, above.first, above.second);
  const EngineRow* under = find(result, below.first, below.second);
  if (over == nullptr || under == nullptr) return;
  EngineRow ratios;
  for (std::size_t i = 0; i < std::min(over->rounds.size(), under->rounds.size()); ++i) {
    ratios.rounds.push_back(over->rounds[i] / under->rounds[i]);
  }
  result.goals.push_back({text, ratios.median(), goal});
}

void add_rate(EngineResult& result, const char* text, double goal, const char* workload, double scale) {
  if (const EngineRow* row = find(result, workload, "walrus")) {
    result.goals.push_back({text, row->median() * scale, goal});
  }
}

void add_goals(EngineResult& result) {
  add_ratio(result, "durable, 64 threads: times RocksDB", 5, {"durable-64", "walrus"}, {"durable-64", "rocksdb"});
  add_ratio(result, "durable, one thread: share of raw 4 KiB writes", 0.85, {"durable-1", "walrus"},
            {"durable-1", "raw"});
  add_ratio(result, "durable, 1,000 topics: share of one topic", 0.8, {"durable-64-topics-1000", "walrus"},
            {"durable-64", "walrus"});
  add_rate(result, "unsynced, 100 B: million records/s", 3, "unsynced-100", 1e-6);
  add_rate(result, "unsynced, 1 KiB: GB/s", 1, "unsynced-1024", 1024 * 1e-9);
  add_rate(result, "scan, 100 B: GB/s", 2, "scan-100", 1e-9);
  add_rate(result, "scan, 1 KiB: GB/s", 2, "scan-1024", 1e-9);
}

}  // namespace

double EngineRow::median() const {
  if (rounds.empty()) return 0;
  std::vector<double> sorted = rounds;
  std::ranges::sort(sorted);
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

std::vector<std::string> engine_workloads() {
  std::vector<std::string> names;
  for (const Case& one : cases()) {
    if (names.empty() || names.back() != one.workload) names.emplace_back(one.workload);
  }
  return names;
}

Result<EngineResult> run_engine(const EnginePlan& plan) {
  std::vector<const Case*> wanted;
  EngineResult result;
  for (const Case& one : cases()) {
    if (!plan.only.empty() && std::ranges::find(plan.only, one.workload) == plan.only.end()) continue;
    wanted.push_back(&one);
    result.rows.push_back(
        {.workload = one.workload, .system = one.system, .unit = one.unit, .rounds = {}, .skipped = {}});
  }
  std::vector<std::unique_ptr<Scratch>> kept;
  for (std::size_t round = 0; round < plan.rounds; ++round) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (result.rows[i].skipped.empty()) WALRUS_TRY(measure(plan, *wanted[i], result.rows[i], kept));
    }
  }
  add_goals(result);
  return result;
}

std::string engine_table(const EnginePlan& plan, const EngineResult& result) {
  const double seconds = static_cast<double>(plan.duration.count()) / 1e9;
  std::string text = fmt::format("engine in {}: {} rounds of {:.1f} s each, medians (least - greatest)\n\n",
                                 plan.directory.string(), plan.rounds, seconds);
  for (const EngineRow& row : result.rows) {
    text += fmt::format("{:<24}{:<9}", row.workload, row.system);
    if (row.rounds.empty()) {
      text += fmt::format("skipped: {}\n", row.skipped);
      continue;
    }
    const auto [least, greatest] = std::ranges::minmax(row.rounds);
    text += fmt::format("{:>15} {} ({} - {})\n", grouped(row.median()), row.unit, grouped(least), grouped(greatest));
  }
  text += '\n';
  for (const EngineGoal& goal : result.goals) {
    text += fmt::format("{:<50}{:>8.2f}  goal {:.2f}{}\n", goal.text, goal.reached, goal.goal,
                        goal.reached >= goal.goal ? "" : "  MISSED");
  }
  return text;
}

std::string engine_json(const EnginePlan& plan, const EngineResult& result) {
  nlohmann::ordered_json json = {{"version", WALRUS_VERSION},
                                 {"workload", "engine"},
                                 {"directory", plan.directory.string()},
                                 {"seconds", static_cast<double>(plan.duration.count()) / 1e9},
                                 {"rounds", plan.rounds},
                                 {"shards", plan.shards},
                                 {"io_uring", plan.io_uring},
                                 {"rows", nlohmann::ordered_json::array()},
                                 {"goals", nlohmann::ordered_json::array()}};
  for (const EngineRow& row : result.rows) {
    json["rows"].push_back(
        {{"workload", row.workload},
         {"system", row.system},
         {"unit", row.unit},
         {"median", row.rounds.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(row.median())},
         {"rounds", row.rounds},
         {"skipped", row.skipped}});
  }
  for (const EngineGoal& goal : result.goals) {
    json["goals"].push_back({{"text", goal.text}, {"reached", goal.reached}, {"goal", goal.goal}});
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace walrus::bench
