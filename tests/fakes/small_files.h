// Options of the engine with small files, so that a short run crosses every seam: rotation, write-out, index entries.
#pragma once

#include "base/limits.h"
#include "storage/options.h"

namespace walrus::storage::test {

inline EngineOptions small_files() {
  EngineOptions options;
  options.wal_file_bytes = 64 * limits::kKiB;
  options.wal_small_write = 2 * limits::kKiB;
  options.wal_max_write_bytes = 16 * limits::kKiB;
  options.segment_worth_sync_bytes = 1 * limits::kKiB;
  options.segment_write_bytes = 8 * limits::kKiB;
  options.segment_direct_bytes = limits::kDirectAlignment;
  options.index_interval_bytes = 1 * limits::kKiB;
  return options;
}

}  // namespace walrus::storage::test
