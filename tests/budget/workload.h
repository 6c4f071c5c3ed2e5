// What is counted, and the run of it in this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace walrus::budget {

enum class Verb : std::uint8_t { kPut, kGet, kFetch };

struct Workload {
  std::string name;
  std::size_t connections = 1;
  std::size_t depth = 1;
  std::size_t topics = 1;
  Verb verb = Verb::kPut;    ///< kFetch: what is counted is by record
  bool system_calls = true;  ///< are counted; not where the log's own rhythm decides how many a request has
};

const std::vector<Workload>& workloads();
const Workload* find_workload(const std::string& name);

struct Counted {
  std::uint64_t requests = 0;  ///< or records, of kFetch
  std::uint64_t allocations = 0;
};

/// Runs the workload for so many turns, after as many that are not counted; in a turn each connection has `depth`
/// requests answered. An empty directory means the disk in memory. System calls are marked for a tracer. Ends the
/// program when something goes wrong.
Counted serve(const Workload& workload, std::uint64_t turns, const std::filesystem::path& directory);

}  // namespace walrus::budget
