// What METRICS shows of Raft, taken at one moment on the node loop. A field that libraft cannot answer is empty.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"

namespace walrus::metadata {

enum class RaftState { kFollower, kCandidate, kLeader };

/// One other member, as the leader sees it.
struct RaftPeer {
  NodeId node_id;
  std::uint64_t match_index = 0;            ///< last entry that the member is known to hold
  std::optional<std::uint64_t> next_index;  ///< first entry that would be sent next
};

struct RaftStatus {
  NodeId node_id;
  RaftState state = RaftState::kFollower;
  std::uint64_t current_term = 0;
  std::uint64_t commit_index = 0;
  std::uint64_t last_applied = 0;
  std::optional<NodeId> leader_id;
  std::optional<NodeId> voted_for;
  std::uint64_t log_length = 0;    ///< entries in the log after the part that a snapshot replaced
  std::uint64_t cluster_size = 0;  ///< members of the Raft configuration, whatever their role
  std::vector<RaftPeer> peers;     ///< filled on the leader only
};

}  // namespace walrus::metadata
