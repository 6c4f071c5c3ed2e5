// What the engine benchmark measures: appends into a log, by threads that each wait for their own, and sequential
// reads. One system per class; a fresh directory each.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/result.h"

namespace walrus::bench {

struct AppendPlan {
  std::filesystem::path directory;
  std::size_t threads = 1;
  std::size_t record_bytes = 100;
  std::size_t topics = 1;  ///< written in turn
  bool synced = true;      ///< each append returns when it is on the disk
  unsigned shards = 1;
  bool io_uring = true;
  std::chrono::nanoseconds duration{std::chrono::seconds(3)};
};

/// Records per second.
Result<double> walrus_appends(const AppendPlan& plan);
/// kUnsupported when this program was built without RocksDB.
Result<double> rocksdb_appends(const AppendPlan& plan);

struct ScanPlan {
  std::filesystem::path directory;
  std::size_t record_bytes = 1024;
  std::size_t total_bytes = std::size_t{512} << 20;
  std::chrono::nanoseconds duration{std::chrono::seconds(3)};
};

/// Bytes of values per second, every record looked at, from files in the page cache.
Result<double> walrus_scan(const ScanPlan& plan);

/// Calls `append(thread, number)` on so many threads until the time is up; calls per second. An append that fails ends
/// the run.
Result<double> appends_per_second(std::size_t threads, std::chrono::nanoseconds duration,
                                  const std::function<Status(std::size_t thread, std::uint64_t number)>& append);

}  // namespace walrus::bench
