// What can be set about the engine. Every default is a limit of base/limits.h; tests use small files to reach the
// seams quickly.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "base/sync_policy.h"

namespace walrus::storage {

struct EngineOptions {
  SyncPolicy sync;                                       ///< and of every segment that is not given another
  std::uint64_t wal_file_bytes = limits::kWalFileBytes;  ///< a multiple of limits::kDirectAlignment
  std::size_t wal_writes_in_flight = limits::kWalWritesInFlight;
  std::size_t wal_small_write = limits::kWalSmallWrite;  ///< bytes; see there
  std::size_t wal_max_write_bytes = limits::kWalMaxWriteBytes;
  std::size_t wal_max_queued_bytes = limits::kWalMaxQueuedBytes;
  std::size_t wal_spare_files = limits::kWalSpareFiles;
  std::size_t segment_write_bytes = limits::kSegmentWriteBytes;
  std::size_t segment_direct_bytes = limits::kSegmentDirectBytes;  ///< SIZE_MAX: all through the page cache
  std::size_t segment_worth_sync_bytes = limits::kSegmentWorthSyncBytes;
  std::size_t max_unwritten_bytes = limits::kMaxUnwrittenBytes;
  std::size_t max_unwritten_stalled_bytes = limits::kMaxUnwrittenStalledBytes;
  std::size_t index_interval_bytes = limits::kIndexIntervalBytes;
  std::size_t open_segment_files = limits::kOpenSegmentFiles;

  /// A planted bug for the tests that must find it: a batch counts as durable when its write is issued.
  bool test_only_ack_before_sync = false;
};

}  // namespace walrus::storage
