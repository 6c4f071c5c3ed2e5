#include "controller/scrubber.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "controller/repair_plan.h"

namespace walrus::controller {

namespace {

constexpr io::Duration kLatestStart = std::chrono::hours(1);
constexpr io::Duration kRecheckDelay = std::chrono::minutes(1);
constexpr io::Duration kLookForPoisoned = std::chrono::seconds(10);
constexpr std::size_t kMaxUrgent = 1'000;

bool only_copy_is_here(const metadata::View& view, const metadata::SegmentInfo& segment, NodeId self) {
  return std::ranges::none_of(segment.replicas, [&](NodeId holder) { return holder != self && view.is_up(holder); });
}

}  // namespace

Scrubber::Scrubber(Shard shard, ScrubOptions options, RepairCounters& counters)
    : shard_(std::move(shard)), options_(options), counters_(counters), limit_(options.bytes_per_second) {}

Scrubber::~Scrubber() {
  *alive_ = false;
  stop();
}

void Scrubber::start() {
  look_for_poisoned();
  if (options_.interval <= io::Duration(0)) return;
  const io::Duration latest = std::min(options_.interval, kLatestStart);
  const auto delay = shard_.loop.random() % static_cast<std::uint64_t>(latest.count());
  round_ = shard_.loop.after(io::Duration(static_cast<std::int64_t>(delay)), [this] { begin_round(); });
}

void Scrubber::stop() {
  look_.cancel();
  round_.cancel();
  step_.cancel();
  recheck_.cancel();
  if (verifier_) verifier_->stop();
  verifier_.reset();
}

void Scrubber::suspect(storage::SegmentKey key) {
  if (urgent_.size() >= kMaxUrgent || std::ranges::find(urgent_, key) != urgent_.end()) return;
  urgent_.push_back(key);
  if (!verifier_) check_next();
}

void Scrubber::look_for_poisoned() {
  look_ = shard_.loop.after(kLookForPoisoned, [this] { look_for_poisoned(); });
  const metadata::ViewPtr view = shard_.metadata.view();
  for (const storage::SegmentKey& key : shard_.store.poisoned()) {
    const Target target = target_of(key);
    if (target.segment == nullptr || only_copy_is_here(*view, *target.segment, options_.self)) continue;
    if (std::ranges::find(damaged_, key) == damaged_.end()) suspect(key);
  }
}

void Scrubber::begin_round() {
  round_began_ = shard_.loop.now();
  bucket_ = 0;
  topic_.clear();
  next_segment_ = SegmentId();
  if (!verifier_) check_next();
}

void Scrubber::check_next() {
  while (!urgent_.empty()) {
    const storage::SegmentKey key = urgent_.front();
    urgent_.pop_front();
    if (const Target target = target_of(key); target.segment != nullptr) return check(target);
  }
  if (bucket_ == metadata::View::kBuckets) return;
  if (const Target target = next_target(); target.segment != nullptr) return check(target);
  const io::Duration passed = shard_.loop.now() - round_began_;
  round_ = shard_.loop.after(std::max(io::Duration(0), options_.interval - passed), [this] { begin_round(); });
}

/// The next segment of the round that this node holds. Topics and segments may come and go meanwhile.
Scrubber::Target Scrubber::next_target() {
  const metadata::ViewPtr view = shard_.metadata.view();
  for (; bucket_ < metadata::View::kBuckets; ++bucket_, topic_.clear(), next_segment_ = SegmentId()) {
    const auto& topics = view->bucket(bucket_).topics;
    for (auto topic = topics.lower_bound(topic_); topic != topics.end(); ++topic) {
      if (std::exchange(topic_, topic->first) != topic->first) next_segment_ = SegmentId();
      if (!shard_.owns(topic->first)) continue;
      for (const metadata::SegmentInfo& segment : topic->second->segments) {
        if (segment.id < next_segment_ || !segment.sealed() || !segment.has_replica(options_.self)) continue;
        next_segment_ = SegmentId(segment.id.value() + 1);
        return {.topic = topic->second, .segment = &segment};
      }
    }
  }
  return {};
}

Scrubber::Target Scrubber::target_of(storage::SegmentKey key) const {
  metadata::TopicPtr topic = shard_.metadata.view()->find_topic(key.topic);
  const metadata::SegmentInfo* segment = topic ? topic->find(key.segment) : nullptr;
  if (segment == nullptr || !segment->sealed() || !segment->has_replica(options_.self)) return {};
  return {.topic = std::move(topic), .segment = segment};
}

void Scrubber::check(const Target& target) {
  const metadata::SegmentInfo& segment = *target.segment;
  const storage::SegmentKey key{target.topic->id, segment.id};
  const bool only_copy = only_copy_is_here(*shard_.metadata.view(), segment, options_.self);
  verifier_ = std::make_shared<replication::SegmentVerifier>(
      shard_.loop, shard_.store, limit_,
      replication::SealedSegment{
          .key = key, .base = segment.base, .end = segment.end, .hash = segment.hash, .only_copy = only_copy},
      [this, key](const Status& status) { on_checked(key, status); });
  verifier_->start();
}

void Scrubber::on_checked(storage::SegmentKey key, const Status& status) {
  ++counters_.scrubbed_segments;
  counters_.scrubbed_bytes += verifier_->bytes();
  // Not destroyed here: we are called from inside it.
  shard_.loop.post([checked = std::exchange(verifier_, {})] {});
  const bool kept = target_of(key).segment != nullptr;  // else trimmed or deleted meanwhile
  if (kept && !status && (status.error().code == ErrorCode::kCorrupt || status.error().code == ErrorCode::kIo)) {
    ++counters_.damage_found;
    give_up(key, status.error());
  }
  if (kept && status) settle(key);
  step_ = shard_.loop.after(io::Duration(0), [this] {
    if (!verifier_) check_next();
  });
}

/// A copy that is whole may go on beyond its end: a node that was away when the segment was sealed has not cut it.
void Scrubber::settle(storage::SegmentKey key) {
  const Target target = target_of(key);
  const storage::Segment* copy = shard_.store.find(key);
  if (copy == nullptr || copy->sealed() || target.segment->replicas.size() < 2) return;
  shard_.replicas.settle(key, target.segment->base, target.segment->end, target.topic->after(*target.segment).epoch,
                         [name = target.topic->name, key](const Result<bool>& whole) {
                           if (whole) return;
                           log::warn("topic {} segment {}: what lies behind its end was not cut: {}", name, key.segment,
                                     whole.error().message());
                         });
}

void Scrubber::give_up(storage::SegmentKey key, const Error& damage) {
  const metadata::ViewPtr view = shard_.metadata.view();
  const Target target = target_of(key);
  if (target.segment == nullptr) return;
  log::error("topic {} segment {}: the copy here is damaged: {}", target.topic->name, key.segment, damage.message());
  if (only_copy_is_here(*view, *target.segment, options_.self)) {
    log::error("topic {} segment {}: no other holder is up; the damaged copy is kept", target.topic->name, key.segment);
    return check_later(key);
  }
  // Struck off first: who is listed has it whole. And once: a second time could set the next copy aside.
  if (!giving_up_.insert(key).second) return;
  shard_.metadata.propose(
      drop_holder(*view, *target.topic, *target.segment, options_.self),
      [this, alive = alive_, key, base = target.segment->base](const Result<metadata::Applied>& applied) {
        if (!*alive) return;
        giving_up_.erase(key);
        if (metadata::outcome_of(applied)) return set_aside(key, base);
        check_later(key);
      });
}

void Scrubber::set_aside(storage::SegmentKey key, Offset base) {
  shard_.replicas.forget(key);
  if (const Status aside = shard_.store.set_aside(key, base); !aside) {
    log::error("topic {} segment {}: setting it aside: {}", key.topic, key.segment, aside.error().message());
  }
  if (shard_.on_set_aside) shard_.on_set_aside(key);
}

void Scrubber::check_later(storage::SegmentKey key) {
  if (damaged_.size() >= kMaxUrgent || std::ranges::find(damaged_, key) != damaged_.end()) return;
  damaged_.push_back(key);
  if (recheck_.armed()) return;
  recheck_ = shard_.loop.after(kRecheckDelay, [this] {
    for (const storage::SegmentKey& again : std::exchange(damaged_, {})) suspect(again);
  });
}

}  // namespace walrus::controller
