#include "replication/segment_follower.h"

#include <utility>

#include "base/planted_bug.h"

namespace walrus::replication {

SegmentFollower::SegmentFollower(storage::Segment& segment) : segment_(segment) {
  segment_.watch([this] { on_durable(); });
}

SegmentFollower::~SegmentFollower() {
  *alive_ = false;
  segment_.watch({});
  fail_waiting({ErrorCode::kOutcomeUnknown, "the replica stopped"});
  for (Fencing& fencing : std::exchange(fencing_, {})) {
    fencing.done(fail(ErrorCode::kOutcomeUnknown, "the replica stopped"));
  }
}

ReplicateAnswer SegmentFollower::standing(ReplicateAnswer::Verdict verdict) const {
  return {.verdict = verdict,
          .durable_end = segment_.durable_end(),
          .end = segment_.end(),
          .hash = segment_.hash(),
          .promise = segment_.promised()};
}

ReplicateAnswer SegmentFollower::standing(Epoch epoch) const {
  return standing(segment_.promised() > epoch ? ReplicateAnswer::Verdict::kFenced : ReplicateAnswer::Verdict::kAck);
}

void SegmentFollower::replicate(Epoch epoch, Offset first, std::uint64_t previous_hash, const storage::Batches& batches,
                                ReplicateDone done) {
  const bool fenced = segment_.promised() > epoch && !planted(PlantedBug::kAckAfterFence);
  if (fenced) return done(standing(ReplicateAnswer::Verdict::kFenced));
  if (const Status status = segment_.status(); !status) return done(fail(status.error()));
  if (first != segment_.end()) return done(standing(ReplicateAnswer::Verdict::kGap));
  if (previous_hash != segment_.hash()) {
    // Two copies can differ only in length (I4). That they do is damage, here or there, and nothing to go on from.
    return done(fail(ErrorCode::kCorrupt, "the replica's content differs from the leader's"));
  }
  for (const SharedBytes& batch : batches) {
    if (Status appended = segment_.append(batch); !appended) return done(fail(appended.error()));
  }
  if (segment_.end() <= segment_.durable_end()) return done(standing(ReplicateAnswer::Verdict::kAck));
  waiting_.push_back({.end = segment_.end(), .epoch = epoch, .done = std::move(done)});
}

void SegmentFollower::on_durable() {
  while (!waiting_.empty() && waiting_.front().end <= segment_.durable_end()) {
    Waiting durable = std::move(waiting_.front());
    waiting_.pop_front();
    // Durable, but a fence has been answered or is about to be: the old epoch hears of nothing more.
    const bool fenced = segment_.promised() > durable.epoch && !planted(PlantedBug::kAckAfterFence);
    durable.done(standing(fenced ? ReplicateAnswer::Verdict::kFenced : ReplicateAnswer::Verdict::kAck));
  }
  if (const Status status = segment_.status(); !status) fail_waiting(status.error());
  settle_fences();
}

void SegmentFollower::fail_waiting(const Error& error) {
  for (Waiting& waiting : std::exchange(waiting_, {})) waiting.done(fail(error));
}

void SegmentFollower::fence(Epoch epoch, FenceDone done) {
  if (segment_.promised() > epoch) {
    return done(fail(ErrorCode::kFenced, "a fence with a higher epoch came first"));
  }
  if (planted(PlantedBug::kPromiseNotPersisted)) {
    segment_.promise(epoch, [](const Status&) {});
    fencing_.push_back({epoch, std::move(done)});
    return settle_fences();
  }
  // The promise is given to the log before anything that may come: whatever is appended later lies behind it.
  segment_.promise(epoch, [this, alive = alive_, epoch, done = std::move(done)](const Status& promised) mutable {
    if (!*alive) return done(fail(ErrorCode::kOutcomeUnknown, "the replica stopped"));
    if (!promised) return done(fail(promised.error()));
    fencing_.push_back({epoch, std::move(done)});
    settle_fences();
  });
}

void SegmentFollower::settle_fences() {
  // What was pending is durable by now, or never will be: the answer does not change any more.
  if (segment_.status() && segment_.durable_end() < segment_.end()) return;
  for (Fencing& fencing : std::exchange(fencing_, {})) {
    if (segment_.promised() > fencing.epoch) {
      fencing.done(fail(ErrorCode::kFenced, "a fence with a higher epoch came first"));
      continue;
    }
    const Status status = segment_.status();
    fencing.done(FenceAnswer{.durable_end = segment_.durable_end(),
                             .suspect = !status && status.error().code == ErrorCode::kCorrupt});
  }
}

}  // namespace walrus::replication
