// The disk's own speed for what the write-ahead log does: overwrite a pre-written file, one block after the other, with
// O_DIRECT and O_DSYNC. No server can acknowledge faster than this at the same size and depth.
//
// The file is made in `directory`, written once in full, and removed at the end, also after an error. Depth 1 uses
// pwrite(), more use io_uring.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "bench/histogram.h"

namespace walrus::bench {

struct RawSyncPlan {
  std::filesystem::path directory = ".";
  std::size_t bytes = 4096;  ///< of a write; a multiple of 512
  std::size_t depth = 1;
  std::size_t file_bytes = 64 * 1024 * 1024;
  std::chrono::nanoseconds duration{std::chrono::seconds(5)};
};

struct RawSyncResult {
  double seconds = 0;
  std::uint64_t writes = 0;
  Histogram latency;
};

Result<RawSyncResult> run_raw_sync(const RawSyncPlan& plan);

}  // namespace walrus::bench
