// The reading side of replication: one segment on a node that does not lead it.
//
// Happy path: the leader's batches come in order, replicate() appends them and answers with how far this replica is
// durable, once they are. Acks are cumulative.
//
// Fencing: fence(e) makes this replica refuse everything below epoch e, settles what is pending, makes the promise
// durable, and only then answers with its durable end. From the moment of the call on nothing of a lower epoch is
// appended or acknowledged. After a crash the promise is known again (I9).
//
// Failure: a gap is answered with the end from which to send again; a failed segment with its error; a fence whose
// promise cannot be made durable with the error, and the replica stays fenced as far as it is concerned.
//
// Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/segment.h"

namespace walrus::replication {

/// What became of a REPLICATE.
struct ReplicateAnswer {
  enum class Verdict { kAck, kGap, kFenced };
  Verdict verdict = Verdict::kAck;
  Offset durable_end;
  Offset end;              ///< with kGap: send again from here
  std::uint64_t hash = 0;  ///< of the content up to `end`
  Epoch promise;           ///< with kFenced
};
using ReplicateDone = std::move_only_function<void(Result<ReplicateAnswer>)>;

struct FenceAnswer {
  Offset durable_end;
  bool suspect = false;
};
using FenceDone = std::move_only_function<void(Result<FenceAnswer>)>;

class SegmentFollower {
 public:
  /// `segment` outlives the follower and is appended to by nobody else.
  explicit SegmentFollower(storage::Segment& segment);
  ~SegmentFollower();
  SegmentFollower(const SegmentFollower&) = delete;
  SegmentFollower& operator=(const SegmentFollower&) = delete;

  /// Whether a leader of this epoch is still accepted, and how far this replica is; at once.
  ReplicateAnswer standing(Epoch epoch) const;
  /// `batches` begin at `first`, where the content before has `previous_hash`. Without batches: where do we stand?
  void replicate(Epoch epoch, Offset first, std::uint64_t previous_hash, const storage::Batches& batches,
                 ReplicateDone done);

  void fence(Epoch epoch, FenceDone done);

  Epoch promised() const { return segment_.promised(); }
  storage::Segment& segment() { return segment_; }

 private:
  struct Waiting {
    Offset end;
    Epoch epoch;
    ReplicateDone done;
  };
  struct Fencing {
    Epoch epoch;
    FenceDone done;
  };

  void on_durable();
  void fail_waiting(const Error& error);
  void settle_fences();
  ReplicateAnswer standing(ReplicateAnswer::Verdict verdict) const;

  storage::Segment& segment_;
  std::deque<Waiting> waiting_;   // by end
  std::vector<Fencing> fencing_;  // wait until what is pending is durable
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace walrus::replication
