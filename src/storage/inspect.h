// Looks at a node's directory without changing a byte: topics, segments, logs, damage. For walrus-cli inspect and for
// tests. Meant for a directory that no process has open; on a live one the ends may be cut off in mid-write.
//
// Without `verify` it reads what opening would: indexes and what lies behind their last entries. With it every batch is
// read and its CRC checked.
//
// An error is returned only when the directory itself cannot be read; damage is part of the result. Blocking; any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/file.h"
#include "storage/record_batch.h"
#include "storage/segment.h"

namespace walrus::storage {

struct SegmentInspection {
  SegmentKey key;
  Offset base;
  Offset end;               ///< behind the last good batch
  std::uint64_t bytes = 0;  ///< of the file
  bool sealed = false;
  std::uint64_t index_entries = 0;
  std::uint64_t batches_checked = 0;
  std::string suspect;              ///< what recovery has written beside it
  std::vector<std::string> damage;  ///< file, position, offsets, what
};

struct LogInspection {
  std::uint64_t shard = 0;
  std::uint64_t files = 0;   ///< slots, spare ones included
  std::uint64_t bytes = 0;   ///< of all of them
  std::uint64_t groups = 0;  ///< that the next start would replay
  std::uint64_t batches = 0;
  std::uint64_t torn_bytes = 0;
  std::vector<std::string> damage;
};

/// What replicas here have promised (promise_table.h), from the node's file, the shards' and the logs, as the next
/// start would know it.
struct PromisesInspection {
  std::map<SegmentKey, Epoch> promised;
  std::optional<TopicId> lost_through;  ///< of topics up to this one a promise may be lost
  std::vector<std::string> damage;      ///< files that cannot be read
};

struct Inspection {
  std::vector<SegmentInspection> segments;  ///< by topic and segment
  std::vector<LogInspection> logs;          ///< by shard
  PromisesInspection promises;
  std::vector<std::string> quarantined;  ///< names in quarantine/
  std::vector<std::string> unknown;      ///< paths that no part of the engine has made
  std::uint64_t bytes_read = 0;          ///< of segment files

  bool damaged() const;
};

struct InspectOptions {
  bool verify = false;
  /// Called now and then with the bytes read so far.
  std::function<void(std::uint64_t bytes_read)> progress;
};

Result<Inspection> inspect(io::Disk& disk, const std::string& directory, const InspectOptions& options);

/// Lists the batches of one segment file, front to back, up to the first damage; returns what that is, or nothing.
Result<std::string> list_batches(io::Disk& disk, const std::string& directory, SegmentKey key,
                                 const std::function<void(const BatchHeader& batch, std::uint64_t position)>& visit);

}  // namespace walrus::storage
