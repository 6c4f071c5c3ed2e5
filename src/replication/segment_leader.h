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
// Epoch and replicas are arguments: this room does not know metadata. Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "replication/quorum.h"
#include "storage/segment.h"

namespace walrus::replication {

class SegmentLeader {
 public:
  using AppendDone = std::move_only_function<void(Result<Offset>)>;

  /// `segment` outlives the leader and is appended to by nobody else. What it holds durably counts as committed only
  /// once a quorum has it: with one replica, at once.
  SegmentLeader(storage::Segment& segment, Epoch epoch, std::vector<NodeId> replicas, NodeId self);
  ~SegmentLeader();
  SegmentLeader(const SegmentLeader&) = delete;
  SegmentLeader& operator=(const SegmentLeader&) = delete;

  /// Appends a finished batch, whose base offset is set here, and takes both arguments over. An error is a sure no:
  /// nothing was appended, `batch` and `done` are as they were. Later `done` gets the first offset, or kOutcomeUnknown.
  Status append(std::string& batch, std::uint32_t records, AppendDone& done);

  Epoch epoch() const { return epoch_; }
  Offset base() const { return segment_.base(); }
  Offset end() const { return segment_.end(); }
  Offset commit() const { return quorum_.commit(); }
  /// Nothing appended waits for its quorum.
  bool settled() const { return waiting_.empty(); }

  /// Batches with records in [from, commit); see storage::Segment::read.
  void read(Offset from, std::size_t max_bytes, storage::BatchesDone done);

  /// `moved` runs after commit has moved and the callers were told, and when the segment has failed.
  void watch(std::move_only_function<void()> moved) { moved_ = std::move(moved); }

  /// No more appends; what waits still completes.
  void close() { closed_ = true; }

 private:
  struct Waiting {
    Offset first;
    Offset end;
    AppendDone done;
  };

  void on_durable();
  void release_committed();
  void fail_waiting(const Error& error);

  storage::Segment& segment_;
  const Epoch epoch_;
  std::size_t self_index_ = 0;
  Quorum quorum_;
  std::deque<Waiting> waiting_;  // by offset, without holes
  std::move_only_function<void()> moved_;
  bool closed_ = false;
};

}  // namespace walrus::replication
