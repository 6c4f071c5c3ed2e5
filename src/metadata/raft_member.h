// One member of the Raft group at work: libraft's core (raft_node) together with this node's log, vote and snapshots, a
// timer, the network and the state machine.
//
// What it promises: nothing leaves the member before what it depends on is durable here; committed entries reach the
// machine in the order of the log, each once in the life of the process, starting behind the snapshot that was
// restored. A leader commits an entry of its own term before it changes the membership (rule G3); received messages
// pass guards G1 and G2 (raft_message.h).
//
// Happy path: open(); on an unused directory bootstrap() or prepare_to_join(); start(); then submit() on the leader,
// receive() everywhere. After each piece of work host.settled() runs: the place to look at what changed.
//
// How it fails: damage found by open() is kCorrupt with file and position. While it runs, a full disk suspends the
// member (it forgets all that is not durable, as a crash would, and starts again from the disk once a second until that
// works); any other storage error ends it, told once to host.failed().
//
// Loop thread only; disk calls block it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "io/file.h"
#include "io/loop.h"
#include "metadata/raft_log.h"
#include "metadata/raft_node.h"

namespace walrus::metadata {

/// The state machine that the log drives.
class RaftMachine {
 public:
  virtual ~RaftMachine() = default;
  virtual void apply(std::uint64_t index, std::uint64_t term, std::string_view command) = 0;
  /// An entry that carries no command.
  virtual void skip(std::uint64_t index) = 0;
  virtual void apply_members(std::uint64_t index, const Members& members) = 0;
  /// The state after the last applied entry.
  virtual std::string snapshot() = 0;
  /// Replaces the state by that of a snapshot at `index`.
  virtual Status restore(std::uint64_t index, std::string_view data, const Members& members) = 0;
};

/// What surrounds a member.
class RaftHost {
 public:
  virtual ~RaftHost() = default;
  /// One way, may get lost.
  virtual void send(NodeId to, RaftMessage message) = 0;
  /// A snapshot is on its way to this node: none is read from disk for it meanwhile.
  virtual bool sending_snapshot(NodeId to) = 0;
  /// A piece of work is done; state, leader, members or the applied index may have changed. submit() and the like may
  /// be called from here.
  virtual void settled() = 0;
  /// The member has stopped for good.
  virtual void failed(const Error& error) = 0;
};

struct RaftMemberOptions {
  RaftId id;
  NodeId node_id;
  std::string directory;
  RaftTiming timing;
  std::uint64_t snapshot_threshold = limits::kSnapshotThresholdEntries;
  std::uint64_t snapshot_trailing = limits::kSnapshotTrailingEntries;
  std::size_t log_file_bytes = limits::kRaftLogFileBytes;
};

class RaftMember {
 public:
  /// What open() found in the directory.
  enum class Found {
    kUnused,               ///< nothing
    kUnfinishedBootstrap,  ///< a crash in the middle of bootstrap(): to be called again
    kJoining,              ///< prepare_to_join() was here, and no entry has come yet
    kMember,
  };

  static Result<std::unique_ptr<RaftMember>> open(io::Loop& loop, io::Disk& disk, RaftMachine& machine, RaftHost& host,
                                                  RaftMemberOptions options);
  ~RaftMember();

  Found found() const;
  /// Makes this member one of a new group, of which all others must be given the same members.
  Status bootstrap(const Members& members);
  /// Marks the directory as used: from now on its loss can be told from a new node.
  Status prepare_to_join();
  void start();
  /// No callback afterwards.
  void stop();

  struct Submitted {
    std::uint64_t first_index;
    std::uint64_t term;
  };
  /// Appends the commands, in this order, with one write to disk. kNotLeader: surely not appended. That they are
  /// applied with this term at their index says that they are committed; an entry of another term there, that they
  /// never will be.
  Result<Submitted> submit(std::span<const std::string> commands);
  /// kConflict while can_change_members() does not hold; kInvalidArgument when this member would not be a voter any
  /// more.
  Status change_members(const Members& members);
  /// Best effort; kNotLeader when this member does not lead or there is nobody to take over.
  Status transfer(std::optional<RaftId> to);
  void receive(NodeId from, RaftMessage message);

  /// A leader has told what is committed, and it is applied here.
  bool ready() const { return ready_; }
  RaftState state() const;
  bool leads() const { return state() == RaftState::kLeader; }
  RaftVote vote() const;
  std::optional<RaftId> leader() const;
  bool can_change_members() const;
  /// The newest in the log, committed or not. Before the first entry: empty.
  const Members& members() const { return members_; }
  std::optional<NodeId> node_of(RaftId id) const;
  std::optional<std::uint64_t> match_index(RaftId member) const;
  /// When the last message from this member came.
  std::optional<io::TimePoint> heard(RaftId member) const;
  std::uint64_t commit_index() const;
  std::uint64_t applied_index() const { return applied_; }
  std::uint64_t last_index() const;
  std::uint64_t log_length() const;
  /// Those in the log, committed or not: what can be known before a leader has told what is committed.
  std::vector<std::string_view> commands_in_log() const;
  std::uint64_t snapshot_index() const { return snapshot_.index; }

 private:
  RaftMember(io::Loop& loop, io::Disk& disk, RaftMachine& machine, RaftHost& host, RaftMemberOptions options);

  Status load();
  Status check_log(const std::optional<RaftSnapshot>& snapshot);
  Status take_snapshot_from_disk(std::optional<RaftSnapshot> snapshot);

  Status enter_new_term_if_alone();
  void settle(Result<RaftUpdate> update);
  bool queue(Result<RaftUpdate> update);
  Status carry_out(RaftUpdate update);
  Status install(const RaftMessage& snapshot);
  Status apply_committed();
  void apply_entry(std::uint64_t index, const RaftEntry& entry);
  void commit_own_term();
  Status snapshot_if_due();
  std::uint64_t trailing_entries() const;
  void announce_commit();
  void update_ready();
  void send(RaftMessage message);
  void send_snapshot(NodeId to, RaftMessage message);
  Result<RaftUpdate> answer_vote_request(RaftMessage message);
  Status agrees_with_committed(const RaftMessage& message) const;
  void note_sender(RaftId id, NodeId node);
  void arm_timer();
  void on_timeout();
  void trouble(const Error& error);
  std::uint64_t term_of(std::uint64_t index) const;

  io::Loop& loop_;
  io::Disk& disk_;
  RaftMachine& machine_;
  RaftHost& host_;
  const RaftMemberOptions options_;

  // What the disk holds. `snapshot_` without its data.
  std::optional<RaftVote> vote_;
  std::optional<RaftLog> log_;
  RaftSnapshot snapshot_;
  std::size_t snapshot_bytes_ = 0;

  std::optional<RaftNode> node_;  // empty before start(), while suspended and at the end
  Members members_;               // the newest in the log
  std::deque<RaftUpdate> updates_;
  bool settling_ = false;
  bool stopped_ = false;
  std::uint64_t applied_ = 0;                  // by the machine
  std::map<RaftId, std::uint64_t> announced_;  // what each member was told to be committed, beside libraft
  std::uint64_t seen_ = 0;  // committed entries that libraft has been told of; behind applied_ after a suspension
  Members committed_members_;
  std::uint64_t committed_members_index_ = 0;
  std::uint64_t bytes_since_snapshot_ = 0;
  std::uint64_t next_snapshot_ = 0;  // not before this index: the last attempt failed

  bool ready_ = false;
  std::uint64_t told_term_ = 0;  // of the leader that told the commit index below
  std::uint64_t told_commit_ = 0;
  std::map<RaftId, NodeId> senders_;  // who wrote from which node; for members that our log does not know yet
  std::map<RaftId, io::TimePoint> heard_;
  std::optional<io::TimePoint> led_at_;  // when a leader of our term, or a later one, wrote last
  io::Timer timer_;
};

}  // namespace walrus::metadata
