// libraft's pure core in our own types: events go in, what has to be done comes out. No disk, no network, no clock, no
// thread; and the one room into which libraft's header, its memory and its habits may come (raft_node.cc).
//
// Happy path: make a RaftNode, start() it with what the disk holds; then one call per event, and after each call carry
// out the RaftUpdate it returns in this order: 1. vote durable; 2. entries durable, 3. snapshot durable, each followed
// by the event that says so; 4. messages out; 5. entries up to the commit index applied, members_committed() for each
// membership entry among them; 6. a timer at next_timeout().
//
// How it fails: kNotLeader and kConflict (another membership change is under way) from submit() and transfer(), which
// have then changed nothing. kCorrupt from any event: the log contradicts the leader's in what is committed; the member
// must stop.
//
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/loop.h"
#include "metadata/raft_entry.h"
#include "metadata/raft_message.h"
#include "metadata/raft_snapshot.h"
#include "metadata/raft_status.h"
#include "metadata/raft_vote.h"

namespace walrus::metadata {

struct RaftTiming {
  std::chrono::milliseconds election_timeout{300};  ///< the baseline; drawn from once to twice this, each time
  std::chrono::milliseconds heartbeat{30};
};

/// What an event calls for. Messages of type AppendEntries carry as many empty entries as are to be filled in from the
/// log, those of type InstallSnapshot only the position: the rest comes from the snapshot file.
struct RaftUpdate {
  std::optional<RaftVote> vote;
  std::uint64_t first_index = 0;  ///< of `entries`; they replace whatever the log holds from there on
  std::vector<RaftEntry> entries;
  std::optional<RaftMessage> snapshot;  ///< an InstallSnapshot to be carried out
  std::vector<RaftMessage> messages;
};

class RaftNode {
 public:
  /// `seed` must be random: nodes that draw the same election timeouts split their votes for ever.
  RaftNode(RaftId id, RaftTiming timing, std::uint64_t seed);
  ~RaftNode();
  RaftNode(RaftNode&&) noexcept;
  RaftNode& operator=(RaftNode&&) noexcept;

  /// First event. `snapshot` may be null; `first_index` is that of the first of `entries`.
  Result<RaftUpdate> start(io::TimePoint now, const RaftVote& vote, const RaftSnapshot* snapshot,
                           std::uint64_t first_index, const std::deque<RaftEntry>& entries);
  /// A message that decode_message() let through, after both guards.
  Result<RaftUpdate> receive(io::TimePoint now, RaftMessage message);
  Result<RaftUpdate> timeout(io::TimePoint now);
  Result<RaftUpdate> persisted_entries(io::TimePoint now, std::uint64_t last_index);
  /// The InstallSnapshot of an earlier update is on disk and restored.
  Result<RaftUpdate> persisted_snapshot(io::TimePoint now, const RaftMessage& snapshot);
  /// A membership entry was applied.
  Result<RaftUpdate> members_committed(io::TimePoint now, std::uint64_t index, const Members& members);
  /// An own snapshot is on disk; entries more than `trailing` before it are about to leave the log. `data` is not
  /// looked at.
  Result<RaftUpdate> snapshot_taken(io::TimePoint now, const RaftSnapshot& snapshot, std::uint64_t trailing);
  /// New entries of the leader; their terms are set here. A membership entry comes alone.
  Result<RaftUpdate> submit(io::TimePoint now, std::vector<RaftEntry> entries);
  /// Hands leadership to this voter, or to the best one when empty.
  Result<RaftUpdate> transfer(io::TimePoint now, std::optional<RaftId> to);

  RaftId id() const;
  RaftState state() const;
  std::uint64_t term() const;
  RaftVote vote() const;
  std::uint64_t commit_index() const;
  std::uint64_t last_index() const;
  /// Not while leadership is being handed over.
  std::optional<RaftId> leader() const;
  /// The newest members in the log, committed or not.
  Members members() const;
  /// On the leader: the last entry that this member is known to hold.
  std::optional<std::uint64_t> match_index(RaftId member) const;
  io::TimePoint next_timeout() const;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace walrus::metadata
