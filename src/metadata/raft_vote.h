// What a Raft member must never forget: its term and whom it voted for in it. One small file, replaced as a whole
// (written aside, synced, renamed), so that it is intact at every moment; anything else found in it is damage.
// Format: docs/format/raft.md. Blocking; any one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "io/file.h"

namespace walrus::metadata {

struct RaftVote {
  std::uint64_t term = 0;
  RaftId voted_for;  ///< 0: nobody yet in this term

  friend bool operator==(const RaftVote&, const RaftVote&) = default;
};

std::string encode_vote(const RaftVote& vote);
Result<RaftVote> decode_vote(std::string_view file);

/// Empty when there is no file: this directory has never been used. kCorrupt with the path for damage.
Result<std::optional<RaftVote>> load_vote(io::Disk& disk, const std::string& directory);
/// Durable when it returns.
Status save_vote(io::Disk& disk, const std::string& directory, const RaftVote& vote);

}  // namespace walrus::metadata
