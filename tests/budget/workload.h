// What is counted, and the run of it in this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace walrus::budget {

struct Workload {
  std::string name;
  std::size_t connections = 1;
  std::size_t depth = 1;
  std::size_t topics = 1;
  bool reads = false;        ///< GET in place of PUT
  bool system_calls = true;  ///< are counted; not where the log's own rhythm decides how many a request has
};

const std::vector<Workload>& workloads();
const Workload* find_workload(const std::string& name);

struct Counted {
  std::uint64_t requests = 0;
  std::uint64_t allocations = 0;
};

/// Runs the workload for about `requests` requests, after as many that are not counted. An empty directory means the
/// disk in memory. System calls are marked for a tracer. Ends the program when something goes wrong.
Counted serve(const Workload& workload, std::uint64_t requests, const std::filesystem::path& directory);

}  // namespace walrus::budget
