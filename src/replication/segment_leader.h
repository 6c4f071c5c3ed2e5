// The writing side of one segment: gives batches their offsets, makes them durable on a quorum, and says when.
//
// Happy path: append() sets the base offset, hands the batch to the segment's log here (and to each follower), and
// keeps the caller's `done`. Durable ends come back, cumulative; when the Q-th largest passes the end of a batch,
// commit moves and its `done` runs with the first offset, in order of offsets.
//
// Failure: when this node cannot make a batch durable, every waiting `done` gets kOutcomeUnknown (a quorum may yet have
// it) and the leader refuses further appends with kPoisoned; the controller seals the segment. After close() appends
// get kNotLeader. Destruction answers what still waits with kOutcomeUnknown.
//
// With followers the leader promises its own epoch before it sends or acknowledges anything: a restarted node finds the
// promise and knows that it must not go on where an earlier life of it was (a lone replica may); one that finds none
// knows that no follower has anything of that life.
//
// No lease: who must know that this node still leads asks a quorum (confirm(); docs/adr/0003). Questions that come
// while a round is under way share the next one.
//
// Epoch and replicas are arguments: this room does not know metadata. Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/transport.h"
#include "replication/follower_link.h"
#include "replication/quorum.h"
#include "storage/segment.h"

namespace walrus::replication {

class SegmentLeader {
 public:
  using AppendDone = std::move_only_function<void(Result<Offset>)>;

  struct Replicas {
    Epoch epoch;
    std::vector<NodeId> nodes;  ///< this one among them
    NodeId self;
    std::uint64_t version = 0;  ///< of the metadata that says so
  };

  /// All outlive the leader; `segment` is appended to by nobody else. What it holds durably counts as committed only
  /// once a quorum has it: with one replica, at once.
  SegmentLeader(io::Loop& loop, io::Transport& transport, storage::Segment& segment, const Replicas& replicas);
  ~SegmentLeader();
  SegmentLeader(const SegmentLeader&) = delete;
  SegmentLeader& operator=(const SegmentLeader&) = delete;

  /// Appends a finished batch, whose base offset is set here, and takes both arguments over. An error is a sure no:
  /// nothing was appended, `batch` and `done` are as they were. Later `done` gets the first offset, or kOutcomeUnknown.
  Status append(std::string& batch, std::uint32_t records, AppendDone& done);

  /// Runs `done` once everything before `end`, which was appended, is committed, here or in a segment before.
  /// kNotLeader and kUnavailable when this leader cannot tell; kOutcomeUnknown as for an append.
  void when_committed(Offset end, io::Done done);

  Epoch epoch() const { return replicas_.epoch; }
  Offset base() const { return segment_.base(); }
  Offset end() const { return segment_.end(); }
  Offset commit() const { return quorum_.commit(); }
  std::size_t replicas() const { return replicas_.nodes.size(); }
  /// A higher epoch was met: this leader has ended.
  bool fenced() const { return fenced_; }
  /// It can never acknowledge anything any more: fenced, or its own disk has failed.
  bool ended() const { return closed_for_good_; }
  /// No quorum has answered for limits::kQuorumPatience: appends are refused until everything is committed.
  bool stalled() const { return stalled_; }
  /// Its own epoch is promised here: only from then on is it known after a restart that the segment was led.
  bool opened() const { return opened_; }
  /// Everything appended is committed, or never will be by this leader.
  bool settled() const { return closed_for_good_ || commit() == end(); }

  /// Makes sure that this node still leads: `done` runs with OK when a quorum has said, since this call, that it
  /// accepts this epoch. Then what commit() was at the call, or is now, was the truth at some moment since the call. At
  /// once with one replica. kUnavailable when no quorum answers within limits::kQuorumPatience; kNotLeader after a
  /// fence.
  void confirm(io::Done done);

  /// Replicas, this node perhaps, that do not have what was appended limits::kFollowerPatience ago, or longer.
  const std::vector<NodeId>& lagging() const { return lagging_; }

  /// Batches with records in [from, commit); see storage::Segment::read.
  void read(Offset from, std::size_t max_bytes, storage::BatchesDone done);

  /// `moved` runs after commit has moved and the callers were told, and when the leader has stalled or ended.
  void watch(std::move_only_function<void()> moved) { moved_ = std::move(moved); }

  /// No more appends; what waits still completes.
  void close() { closed_ = true; }
  /// A higher epoch has fenced this segment here or elsewhere: nothing is acknowledged any more.
  void fence();

  /// Replicas that hold everything up to commit() durably.
  std::vector<NodeId> holders() const;
  /// Hash of the content up to commit(); 0 when it cannot be told.
  std::uint64_t hash() const {
    if (commit() == end()) return segment_.hash();
    return commit() == segment_.durable_end() ? segment_.durable_hash() : 0;
  }

 private:
  struct Waiting {
    Offset first;
    Offset end;
    AppendDone done;
  };

  void promise_own_epoch();
  void wait(Waiting waiting);
  void add_link(io::Loop& loop, io::Transport& transport, std::size_t replica, NodeId node);
  void on_durable();
  void on_ack(std::size_t replica, Offset durable_end);
  void release_committed();
  void watch_quorum(io::Duration patience);
  void watch_followers();
  void start_round();
  void end_round(const Status& status);
  void end_for_good(const Error& error);
  void fail_waiting(const Error& error);

  io::Loop& loop_;
  storage::Segment& segment_;
  const Replicas replicas_;
  std::size_t self_index_ = 0;
  Quorum quorum_;
  std::vector<std::shared_ptr<FollowerLink>> links_;
  std::deque<Waiting> waiting_;  // by offset
  std::move_only_function<void()> moved_;
  io::Timer patience_;
  io::TimePoint progress_;  // when something was last acknowledged, or began to wait
  io::Timer follower_patience_;
  Offset patience_end_;  // end() when follower_patience_ began
  std::vector<NodeId> lagging_;
  std::vector<io::Done> asked_;   // wait for the next round
  std::vector<io::Done> asking_;  // wait for the round under way
  std::uint64_t round_ = 0;
  io::Timer round_patience_;
  bool opened_;  // acknowledgements may leave
  bool closed_ = false;
  bool fenced_ = false;
  bool closed_for_good_ = false;  // nothing is acknowledged any more
  bool stalled_ = false;          // no quorum: refuses appends until all is committed
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace walrus::replication
