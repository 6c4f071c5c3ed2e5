// One run: a cluster of real nodes is formed, clients work, the nemesis makes faults, all is healed, the log is
// drained, the nodes are stopped, and every replica is read and judged.
//
// Throws as the harness does when the machine refuses; what the cluster does wrong is in the report. Main thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace walrus::chaos {

struct RunOptions {
  std::uint64_t seed = 1;
  std::chrono::seconds duration{60};  ///< of faults
  std::size_t nodes = 5;
  std::size_t topics = 3;
  std::size_t producers = 8;
  std::uint32_t per_second = 200;  ///< PUTs of each producer
  std::uint32_t replicas = 3;
  std::uint64_t segment_entries = 5'000;
  bool small_disks = false;  ///< two nodes get a file system of their own, which can be filled
  bool verbose = false;
  std::set<std::string> kinds;   ///< of faults; empty: all
  std::filesystem::path folder;  ///< of data and logs
};

struct RunReport {
  std::vector<std::string> violations;  ///< empty: all is well
  std::vector<std::string> faults;      ///< with times
  std::map<std::string, std::size_t> fault_counts;
  std::map<std::string, std::uint64_t> numbers;  ///< puts, acknowledged, records, copies, and so on
  std::vector<double> longest_pauses;            ///< seconds, one per producer
  double settle_seconds = 0;                     ///< from the end of faults until all topics took records again
};

RunReport run_chaos(const RunOptions& options);

}  // namespace walrus::chaos
