// How the members of the Raft group follow the node table, one step at a time. Pure.
//
// Every node of the table that is not removed becomes a member: first a standby, which gets the log and has no vote;
// once it has caught up a voter, as long as there are fewer than limits::kMaxVoters, else it stays a standby. A member
// whose node was removed (or replaced by one with another disk) leaves.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "metadata/raft_entry.h"
#include "metadata/view.h"

namespace walrus::metadata {

/// Entries that a standby may lack when it is made a voter.
inline constexpr std::uint64_t kPromotionLag = 256;

struct MembershipStep {
  enum class Kind {
    kNothing,
    kChange,    ///< to `members`
    kHandOver,  ///< the leader is to leave: another voter has to lead first
  };
  Kind kind = Kind::kNothing;
  Members members;
};

/// `caught_up`: the member answers, and lacks at most kPromotionLag entries.
MembershipStep next_membership_step(const Members& members, const std::map<NodeId, NodeInfo>& nodes, RaftId leader,
                                    const std::function<bool(RaftId)>& caught_up);

/// While nodes that are up wait for their vote: the most replicas that a new topic may have, which is the number of
/// voters. A topic on three disks of which only one has the metadata would be lost with that one. Empty otherwise.
std::optional<std::size_t> most_replicas_while_growing(const std::map<NodeId, NodeInfo>& nodes);

}  // namespace walrus::metadata
