// The storage engine as a library (walrus/store.h), side by side in one run with the raw device and, where it was built
// in, RocksDB's write-ahead log: what one machine can make durable, append and read, and how near the engine comes to
// it.
//
// Rounds of all systems follow each other (A B A B ...), so that what else the machine does hits all of them; the
// result is the median with the least and the greatest round. Data lies in fresh directories below `directory`, removed
// at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace walrus::bench {

struct EnginePlan {
  std::filesystem::path directory = ".";
  std::chrono::nanoseconds duration{std::chrono::seconds(3)};  ///< of each measurement
  std::size_t rounds = 3;
  std::vector<std::string> only;  ///< names of workloads; empty: all
  unsigned shards = 1;
  bool io_uring = true;  ///< false: files are written by threads
};

/// One workload on one system.
struct EngineRow {
  std::string workload;
  std::string system;  ///< "walrus", "rocksdb" or "raw"
  std::string unit;    ///< of the values: "records/s" or "bytes/s"
  std::vector<double> rounds;
  std::string skipped;  ///< why there are none

  double median() const;
};

/// What an engine is measured by: a ratio of two rows, or a rate.
struct EngineGoal {
  std::string text;
  double reached = 0;
  double goal = 0;
};

struct EngineResult {
  std::vector<EngineRow> rows;
  std::vector<EngineGoal> goals;  ///< those whose rows were measured
};

/// The names that `only` may hold.
std::vector<std::string> engine_workloads();

Result<EngineResult> run_engine(const EnginePlan& plan);

std::string engine_table(const EnginePlan& plan, const EngineResult& result);
std::string engine_json(const EnginePlan& plan, const EngineResult& result);

}  // namespace walrus::bench
