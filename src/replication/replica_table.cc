#include "replication/replica_table.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "io/message.h"
#include "peer.pb.h"
#include "replication/batch_body.h"
#include "storage/record_batch.h"

namespace walrus::replication {

namespace {

constexpr std::size_t kMaxCopyBytes = 4 * limits::kMiB;

template <class Header>
storage::SegmentKey key_of(const Header& header) {
  return {TopicId(header.topic_id()), SegmentId(header.segment_id())};
}

peer::ReplicateReply::Verdict verdict_number(ReplicateAnswer::Verdict verdict) {
  switch (verdict) {
    case ReplicateAnswer::Verdict::kAck:
      return peer::ReplicateReply::ACK;
    case ReplicateAnswer::Verdict::kGap:
      return peer::ReplicateReply::GAP;
    case ReplicateAnswer::Verdict::kFenced:
      return peer::ReplicateReply::FENCED;
  }
  return peer::ReplicateReply::GAP;
}

}  // namespace

bool ReplicaTable::handle(const io::Message& message, io::Reply& reply) {
  forget_sealed();
  switch (message.type) {
    case peer::REPLICATE:
      replicate(message, std::move(reply));
      return true;
    case peer::FENCE:
      fence_message(message, std::move(reply));
      return true;
    case peer::COPY:
      copy(message, std::move(reply));
      return true;
    default:
      return false;
  }
}

Result<SegmentFollower*> ReplicaTable::follower(storage::SegmentKey key, Offset base) {
  if (const auto it = followers_.find(key); it != followers_.end()) return it->second.get();
  WALRUS_ASSIGN(storage::Segment * segment, store_.open_segment(key, base));
  prepare_(*segment);
  return followers_.emplace(key, std::make_unique<SegmentFollower>(*segment)).first->second.get();
}

void ReplicaTable::prepare_all() {
  for (auto& [key, follower] : followers_) prepare_(follower->segment());
}

void ReplicaTable::replicate(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Replicate>(message, peer::REPLICATE);
  if (!request) return reply(fail(request.error()));
  if (!original_(key_of(*request))) return reply(fail(ErrorCode::kConflict, "the replica's disk was replaced"));
  auto batches = split_batches(message.body);
  if (!batches) return reply(fail(batches.error()));
  auto replica = follower(key_of(*request), Offset(request->base()));
  if (!replica) return reply(fail(replica.error()));
  auto done = [reply = std::move(reply)](Result<ReplicateAnswer> answer) mutable {
    if (!answer) return reply(fail(answer.error()));
    peer::ReplicateReply header;
    header.set_verdict(verdict_number(answer->verdict));
    header.set_durable_end(answer->durable_end.value());
    header.set_end(answer->end.value());
    header.set_hash(answer->hash);
    header.set_promise(answer->promise.value());
    reply(io::make_message(peer::REPLICATE_REPLY, header));
  };
  if (request->question()) return done((*replica)->standing(Epoch(request->epoch())));
  if ((*replica)->segment().sealed()) sealed_.push_back(key_of(*request));
  (*replica)->replicate(Epoch(request->epoch()), Offset(request->first()), request->previous_hash(), *batches,
                        std::move(done));
}

void ReplicaTable::fence(storage::SegmentKey key, Offset base, Epoch epoch, FenceDone done) {
  on_fence_(key, epoch);
  auto replica = follower(key, base);
  if (!replica) return done(fail(replica.error()));
  (*replica)->fence(epoch, std::move(done));
}

void ReplicaTable::fence_message(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Fence>(message, peer::FENCE);
  if (!request) return reply(fail(request.error()));
  if (!original_(key_of(*request))) {
    peer::FenceReply nothing_known;
    nothing_known.set_suspect(true);
    return reply(io::make_message(peer::FENCE_REPLY, nothing_known));
  }
  fence(key_of(*request), Offset(request->base()), Epoch(request->epoch()),
        [reply = std::move(reply)](Result<FenceAnswer> answer) mutable {
          if (!answer) return reply(fail(answer.error()));
          peer::FenceReply header;
          header.set_durable_end(answer->durable_end.value());
          header.set_suspect(answer->suspect);
          reply(io::make_message(peer::FENCE_REPLY, header));
        });
}

void ReplicaTable::copy(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Copy>(message, peer::COPY);
  if (!request) return reply(fail(request.error()));
  storage::Segment* segment = store_.find(key_of(*request));
  if (segment == nullptr) return reply(fail(ErrorCode::kNotFound, "this node holds no replica of the segment"));
  if (segment->promised() < Epoch(request->epoch())) return reply(fail(ErrorCode::kConflict, "not fenced"));
  const Offset limit = std::min(Offset(request->limit()), segment->durable_end());
  const std::size_t max_bytes = std::min<std::size_t>(request->max_bytes(), kMaxCopyBytes);
  segment->read(
      Offset(request->from()), limit, max_bytes,
      [durable_end = segment->durable_end(), reply = std::move(reply)](Result<storage::Batches> batches) mutable {
        if (!batches) return reply(fail(batches.error()));
        peer::CopyReply header;
        header.set_durable_end(durable_end.value());
        reply(io::make_message(peer::COPY_REPLY, header, join_batches(*batches)));
      });
}

void ReplicaTable::settle(storage::SegmentKey key, Offset base, Offset end, Epoch epoch,
                          std::move_only_function<void(Result<bool>)> done) {
  fence(key, base, epoch, [this, key, end, done = std::move(done)](const Result<FenceAnswer>& fenced) mutable {
    // Fenced with more by now: a later seal of the same end.
    if (!fenced && fenced.error().code != ErrorCode::kFenced) return done(fail(fenced.error()));
    cut(key, end, std::move(done));
  });
}

void ReplicaTable::cut(storage::SegmentKey key, Offset end, std::move_only_function<void(Result<bool>)> done) {
  storage::Segment* segment = store_.find(key);
  if (segment == nullptr) return done(fail(ErrorCode::kNotFound, "the replica was removed meanwhile"));
  sealed_.push_back(key);
  if (segment->end() <= end) {
    const bool whole = segment->end() == end && segment->status();
    if (whole) segment->seal();
    return done(whole);
  }
  segment->truncate(end, [segment, done = std::move(done)](const Status& cut) mutable {
    if (!cut) return done(fail(cut.error()));
    segment->seal();
    done(true);
  });
}

void ReplicaTable::forget_sealed() {
  for (const storage::SegmentKey& key : std::exchange(sealed_, {})) {
    const storage::Segment* segment = store_.find(key);
    if (segment == nullptr || segment->sealed()) followers_.erase(key);
  }
}

}  // namespace walrus::replication
