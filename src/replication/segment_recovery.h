// Finds the end of a segment whose leader is lost, and brings a quorum of its replicas there: steps 2 to 4 of "Leader
// lost" in docs/paths/failover.md, run by the recoverer that the metadata names. One object per attempt (seal epoch).
//
// Happy path: every replica is fenced with the seal epoch, this node's own like the others. When E-Q+1 of them have
// answered without suspicion, no quorum of the old epoch can come about any more, and every acknowledged record is
// below the largest durable end among the answers: that is the end. What this node lacks is copied from the one that
// has most; then this node streams to the fenced replicas until Q hold everything durably, or all whose disks
// are left and sound when those are fewer: repair makes new copies of what is sealed, and of nothing else.
//
// Failure: a replica that does not answer is asked again, with a delay that doubles; there is no end without enough
// answers (E = 1 and its disk away: it waits). After kPatience the attempt ends with kTimedOut: a new one asks
// everybody anew, so that it cannot hang on a replica that has most and is gone. kPoisoned: this node's own replica is
// of no use, another node must do it. A higher fence anywhere ends the attempt with kFenced: another recoverer has
// taken over.
//
// Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "io/transport.h"
#include "replication/follower_link.h"
#include "replication/replica_table.h"

namespace walrus::replication {

struct RecoveryOptions {
  storage::SegmentKey key;
  Offset base;
  Epoch seal_epoch;
  std::vector<NodeId> replicas;
  NodeId self;                ///< one of them
  std::vector<NodeId> gone;   ///< of them: their disks are lost for good, and nothing can be brought there
  bool lose_data = false;     ///< the answers of all that are not gone are enough: somebody has given up the rest
  std::uint64_t version = 0;  ///< of the metadata that named us
};

struct RecoveredEnd {
  Offset end;
  std::uint64_t hash = 0;
  std::vector<NodeId> holders;  ///< at least a quorum, or all replicas that are not gone
  std::uint64_t bytes = 0;      ///< as stored
  std::int64_t latest_ms = 0;   ///< time of the latest record; 0: not known
  bool lost_unwritten = false;  ///< a lone replica's log did not take what a weaker fsync policy had counted
};

class SegmentRecovery : public std::enable_shared_from_this<SegmentRecovery> {
 public:
  using Done = std::move_only_function<void(Result<RecoveredEnd>)>;
  static constexpr io::Duration kPatience = std::chrono::seconds(3);

  /// All outlive the recovery, or stop() comes first.
  SegmentRecovery(io::Loop& loop, io::Transport& transport, ReplicaTable& replicas, RecoveryOptions options, Done done);

  void start();
  void stop();
  Epoch seal_epoch() const { return options_.seal_epoch; }

 private:
  struct Fenced {
    Offset durable_end;
  };

  void fence(NodeId node, io::Duration delay);
  void on_fenced(NodeId node, io::Duration delay, Result<FenceAnswer> answer);
  void decide_end();
  void seal_alone();
  void copy_missing();
  void append_copied(Result<io::Message> reply);
  void spread();
  void count_holders();
  void finish(Result<RecoveredEnd> result);

  io::Loop& loop_;
  io::Transport& transport_;
  ReplicaTable& replicas_;
  const RecoveryOptions options_;
  Done done_;
  std::map<NodeId, Fenced> fenced_;  // answered without suspicion
  std::set<NodeId> suspect_;         // answered with it
  bool decided_ = false;
  Offset end_;
  bool unwritten_ = false;  // behind end_ there was more, in memory alone
  NodeId source_;
  std::vector<std::shared_ptr<FollowerLink>> links_;
  std::vector<io::Timer> timers_;
  io::Timer patience_;
};

}  // namespace walrus::replication
