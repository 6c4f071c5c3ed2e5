// A snapshot of the replicated state on disk: what the log's removed prefix amounted to. One file per snapshot, written
// aside, synced and renamed; the newest one counts, older ones are removed after it. Damage in the newest is refused,
// never skipped: an older snapshot would not fit the log any more. Format: docs/format/raft.md.
// Blocking; any one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file.h"
#include "metadata/raft_entry.h"

namespace walrus::metadata {

struct RaftSnapshot {
  std::uint64_t index = 0;          ///< last entry that is in it
  std::uint64_t term = 0;           ///< of that entry
  std::uint64_t members_index = 0;  ///< entry that made `members`
  Members members;                  ///< the last committed ones at `index`
  std::string data;                 ///< the state machine's own bytes

  friend bool operator==(const RaftSnapshot&, const RaftSnapshot&) = default;
};

std::string encode_snapshot(const RaftSnapshot& snapshot);
Result<RaftSnapshot> decode_snapshot(std::string_view file);

/// The newest snapshot; empty when there is none. kCorrupt with the path for damage. Removes what an interrupted
/// save_snapshot() left behind.
Result<std::optional<RaftSnapshot>> load_snapshot(io::Disk& disk, const std::string& directory);
/// Durable when it returns.
Status save_snapshot(io::Disk& disk, const std::string& directory, const RaftSnapshot& snapshot);

}  // namespace walrus::metadata
