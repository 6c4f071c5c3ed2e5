#include "replication/segment_recovery.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "io/message.h"
#include "peer.pb.h"
#include "replication/batch_body.h"
#include "replication/quorum.h"
#include "storage/content_hash.h"

namespace walrus::replication {

namespace {
constexpr io::Duration kFirstFenceDelay = std::chrono::milliseconds(20);
constexpr io::Duration kLongestFenceDelay = std::chrono::milliseconds(500);
}  // namespace

SegmentRecovery::SegmentRecovery(io::Loop& loop, io::Transport& transport, ReplicaTable& replicas,
                                 RecoveryOptions options, Done done)
    : loop_(loop),
      transport_(transport),
      replicas_(replicas),
      options_(std::move(options)),
      done_(std::move(done)),
      end_(options_.base) {}

void SegmentRecovery::start() {
  patience_ = loop_.after(kPatience, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->finish(fail(ErrorCode::kTimedOut, fmt::format("{} of {} replicas have answered the fence",
                                                          self->fenced_.size(), self->options_.replicas.size())));
    }
  });
  for (const NodeId node : options_.replicas) {
    if (std::ranges::find(options_.gone, node) == options_.gone.end()) fence(node, kFirstFenceDelay);
  }
}

void SegmentRecovery::stop() {
  done_ = {};
  timers_.clear();
  patience_.cancel();
  for (const auto& link : links_) link->stop();
}

void SegmentRecovery::finish(Result<RecoveredEnd> result) {
  Done done = std::move(done_);
  stop();
  if (done) done(std::move(result));
}

void SegmentRecovery::fence(NodeId node, io::Duration delay) {
  auto on_answer = [weak = weak_from_this(), node, delay](Result<FenceAnswer> answer) {
    if (const auto self = weak.lock()) self->on_fenced(node, delay, std::move(answer));
  };
  if (node == options_.self) {
    return replicas_.fence(options_.key, options_.base, options_.seal_epoch, std::move(on_answer));
  }
  peer::Fence request;
  request.set_topic_id(options_.key.topic.value());
  request.set_segment_id(options_.key.segment.value());
  request.set_base(options_.base.value());
  request.set_epoch(options_.seal_epoch.value());
  request.set_version(options_.version);
  transport_.call(node, io::make_message(peer::FENCE, request), limits::kQuorumPatience,
                  [on_answer = std::move(on_answer)](Result<io::Message> reply) mutable {
                    if (!reply) return on_answer(fail(reply.error()));
                    const auto header = io::parse_header<peer::FenceReply>(*reply, peer::FENCE_REPLY);
                    if (!header) return on_answer(fail(header.error()));
                    on_answer(FenceAnswer{.durable_end = Offset(header->durable_end()), .suspect = header->suspect()});
                  });
}

void SegmentRecovery::on_fenced(NodeId node, io::Duration delay, Result<FenceAnswer> answer) {
  if (!done_) return;
  if (answer && !answer->suspect) {
    suspect_.erase(node);
    fenced_[node] = {answer->durable_end};
    if (!decided_) return decide_end();
    return spread();  // one more to hold what was decided
  }
  if (!answer && answer.error().code == ErrorCode::kFenced) return finish(fail(answer.error()));
  if (node == options_.self) {
    return finish(
        fail(ErrorCode::kPoisoned, answer ? "damage was found in this node's replica" : answer.error().message()));
  }
  if (answer) suspect_.insert(node);
  if (decided_) count_holders();
  if (!done_) return;
  // Suspect counts neither as "has" nor as "has not": like one that does not answer, it may be healed meanwhile.
  timers_.push_back(loop_.after(delay, [weak = weak_from_this(), node, delay] {
    const auto self = weak.lock();
    if (self && self->done_) self->fence(node, std::min(delay * 2, kLongestFenceDelay));
  }));
  std::erase_if(timers_, [](const io::Timer& timer) { return !timer.armed(); });
}

void SegmentRecovery::decide_end() {
  const std::size_t replicas = options_.replicas.size();
  std::size_t needed = planted(PlantedBug::kOneFenceAnswer) ? 1 : replicas - ack_quorum(replicas) + 1;
  if (options_.lose_data) needed = std::min(needed, replicas - options_.gone.size());
  if (fenced_.size() < needed || !fenced_.contains(options_.self)) return;
  decided_ = true;
  for (const auto& [node, fenced] : fenced_) {
    if (source_ == NodeId() || fenced.durable_end > end_) source_ = node;
    end_ = std::max(end_, fenced.durable_end);
  }
  if (planted(PlantedBug::kSmallestEnd)) {
    for (const auto& [node, fenced] : fenced_) end_ = std::min(end_, fenced.durable_end);
  }
  if (replicas == 1) return seal_alone();
  copy_missing();
}

/// What a weaker fsync policy has counted and the log could not take, only the memory of this node holds.
void SegmentRecovery::seal_alone() {
  auto own = replicas_.follower(options_.key, options_.base);
  if (!own) return finish(fail(own.error()));
  unwritten_ = (*own)->segment().logged_end() < end_;
  end_ = std::min(end_, (*own)->segment().logged_end());
  count_holders();
}

void SegmentRecovery::copy_missing() {
  if (!done_) return;
  auto own = replicas_.follower(options_.key, options_.base);
  if (!own) return finish(fail(own.error()));
  const storage::Segment& segment = (*own)->segment();
  if (!segment.status() && segment.logged_end() < end_) return finish(fail(segment.status().error()));
  const Offset from = segment.end();
  if (from >= end_) return spread();
  peer::Copy request;
  request.set_topic_id(options_.key.topic.value());
  request.set_segment_id(options_.key.segment.value());
  request.set_epoch(options_.seal_epoch.value());
  request.set_from(from.value());
  request.set_limit(end_.value());
  request.set_max_bytes(limits::kMiB);
  transport_.call(source_, io::make_message(peer::COPY, request), limits::kCallTimeout,
                  [weak = weak_from_this()](Result<io::Message> reply) {
                    if (const auto self = weak.lock()) self->append_copied(std::move(reply));
                  });
}

void SegmentRecovery::append_copied(Result<io::Message> reply) {
  if (!done_) return;
  Result<storage::Batches> batches = fail(ErrorCode::kUnavailable);
  if (reply) batches = split_batches(reply->body);
  if (!batches || batches->empty()) {
    timers_.push_back(loop_.after(kLongestFenceDelay, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->copy_missing();
    }));
    return;
  }
  auto own = replicas_.follower(options_.key, options_.base);
  if (!own) return finish(fail(own.error()));
  storage::Segment& segment = (*own)->segment();
  (*own)->replicate(options_.seal_epoch, segment.end(), segment.hash(), *batches,
                    [weak = weak_from_this()](Result<ReplicateAnswer> answer) {
                      const auto self = weak.lock();
                      if (!self || !self->done_) return;
                      if (!answer) return self->finish(fail(answer.error()));
                      if (answer->verdict == ReplicateAnswer::Verdict::kFenced) {
                        return self->finish(fail(ErrorCode::kFenced, "another recoverer has taken over"));
                      }
                      self->copy_missing();
                    });
}

void SegmentRecovery::spread() {
  if (!done_) return;
  auto own = replicas_.follower(options_.key, options_.base);
  if (!own) return finish(fail(own.error()));
  storage::Segment& segment = (*own)->segment();
  if (segment.durable_end() < end_) return;  // its own copy comes first
  for (const auto& [node, fenced] : fenced_) {
    const bool linked = std::ranges::any_of(links_, [&](const auto& link) { return link->follower() == node; });
    if (node == options_.self || linked || fenced.durable_end >= end_) continue;
    const LinkOptions options{
        .follower = node, .key = options_.key, .base = options_.base, .epoch = options_.seal_epoch};
    links_.push_back(std::make_shared<FollowerLink>(
        loop_, transport_, segment, options,
        FollowerLink::Events{
            .on_ack = [this](Offset) { count_holders(); },
            .on_fenced = [this](Epoch) { finish(fail(ErrorCode::kFenced, "another recoverer has taken over")); },
            .commit = [this] { return options_.base; }}));
    links_.back()->open();
  }
  count_holders();
}

void SegmentRecovery::count_holders() {
  if (!done_) return;
  auto own = replicas_.follower(options_.key, options_.base);
  if (!own) return finish(fail(own.error()));
  storage::Segment& segment = (*own)->segment();
  if (segment.durable_end() < end_) return;
  RecoveredEnd result{.end = end_,
                      .hash = segment.hash_at(end_).value_or(segment.hash()),
                      .holders = {options_.self},
                      .bytes = segment.bytes(),
                      .latest_ms = segment.times().value_or(storage::TimeRange{}).latest_ms,
                      .lost_unwritten = unwritten_};
  for (const auto& [node, fenced] : fenced_) {
    if (node == options_.self) continue;
    Offset durable = fenced.durable_end;
    for (const auto& link : links_) {
      if (link->follower() == node) durable = std::max(durable, link->durable_end());
    }
    if (durable >= end_) result.holders.push_back(node);
  }
  const std::size_t sound = options_.replicas.size() - options_.gone.size() - suspect_.size();
  const std::size_t needed = std::min(ack_quorum(options_.replicas.size()), sound);
  if (planted(PlantedBug::kNoCopyBeforeSeal) || result.holders.size() >= needed) finish(std::move(result));
}

}  // namespace walrus::replication
