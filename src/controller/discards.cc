#include "controller/discards.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "controller/removal_pace.h"
#include "controller/repair_plan.h"
#include "metadata/placement.h"

namespace walrus::controller {

namespace {
constexpr std::size_t kStepsPerRound = 16;
constexpr std::size_t kMostProposed = 64;
}  // namespace

Discards::~Discards() {
  *alive_ = false;
  stop();
}

void Discards::start() {
  subscription_ = shard_.metadata.subscribe(
      [this](const metadata::ViewPtr& before, const metadata::ViewPtr& now) { follow(before.get(), *now); });
  follow(nullptr, *shard_.metadata.view());
}

void Discards::stop() {
  subscription_.reset();
  timer_.cancel();
}

void Discards::look_at(TopicId topic) {
  topics_.insert(topic);
  run_within(removal::kRetryDelay);
}

void Discards::follow(const metadata::View* before, const metadata::View& now) {
  bool more = false;
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    if (before != nullptr && &before->bucket(i) == &now.bucket(i)) continue;
    for (const auto& [name, topic] : now.bucket(i).topics) {
      const metadata::TopicPtr earlier = before != nullptr ? before->find_topic(topic->id) : nullptr;
      if (earlier == topic || !shard_.owns(name) || !concerns_us(earlier.get(), *topic)) continue;
      more |= topics_.insert(topic->id).second;
    }
  }
  if (more) run_within(removal::kLetGoDelay);
}

/// Something of it may lie here that is not listed, and that was not known before.
bool Discards::concerns_us(const metadata::TopicInfo* before, const metadata::TopicInfo& now) const {
  bool concerned = false;
  const auto look = [&](const metadata::SegmentInfo& segment, const metadata::SegmentInfo* earlier) {
    if (!segment.sealed() || segment.has_replica(self_)) return;
    // One that was opened and sealed since the view before may have come here all the same.
    concerned |= earlier == nullptr || earlier->has_replica(self_) ||
                 (segment.discard_of(self_) != nullptr && earlier->discard_of(self_) == nullptr);
  };
  now.segments.each_changed(before != nullptr ? &before->segments : nullptr, look);
  return concerned;
}

void Discards::run_within(io::Duration delay) {
  if (!subscription_) return;  // stopped
  const io::TimePoint due = shard_.loop.now() + delay;
  if (timer_.armed() && due_ <= due) return;
  due_ = due;
  timer_ = shard_.loop.after(delay, [this] { run(); });
}

void Discards::run() {
  left_in_round_ = kStepsPerRound;
  const metadata::ViewPtr view = shard_.metadata.view();
  auto topic = topics_.lower_bound(next_);
  while (topic != topics_.end() && left_in_round_ > 0) {
    if (settle(*view, *topic)) {
      topic = topics_.erase(topic);
    } else if (left_in_round_ > 0) {
      ++topic;
    }
  }
  const bool all_seen = topic == topics_.end();
  next_ = all_seen ? TopicId() : *topic;
  if (!topics_.empty()) run_within(all_seen ? io::Duration(removal::kRetryDelay) : io::Duration(removal::kRoundDelay));
}

/// True when nothing is left to do for the topic.
bool Discards::settle(const metadata::View& view, TopicId id) {
  const metadata::TopicPtr topic = view.find_topic(id);
  if (topic == nullptr) return true;  // deleted: its files go with it
  --left_in_round_;
  const auto keys = shard_.store.list(id);
  if (!keys) {
    log::error("topic {}: looking for copies to discard: {}", id, keys.error().message());
    return false;
  }
  bool settled = true;
  for (const metadata::SegmentInfo& segment : topic->segments) {
    if (!segment.sealed() || segment.has_replica(self_)) continue;
    const storage::SegmentKey key{id, segment.id};
    const bool here = std::ranges::binary_search(*keys, key);
    const bool decided = segment.discard_of(self_) != nullptr;
    if (!here && !decided) continue;
    settled = false;
    // A copy that has become the last one stays: repair lists it again.
    const bool can = decided ? !segment.lost() : metadata::enough_holders(view, *topic, segment);
    if (!can || proposing_.contains(key) || proposing_.size() >= kMostProposed) continue;
    if (left_in_round_ == 0) break;
    --left_in_round_;
    if (!decided) {
      propose(discard_copy(view, *topic, segment, self_), key);
      continue;
    }
    if (here && !remove(*topic, key)) break;
    propose(confirm_discard(view, *topic, segment, self_), key);
  }
  return settled;
}

bool Discards::remove(const metadata::TopicInfo& topic, storage::SegmentKey key) {
  shard_.let_go(key);
  shard_.replicas.forget(key);
  const Status gone = shard_.store.discard(key);
  if (gone) {
    log::info("topic {} segment {}: the copy here was one too many, and is removed", topic.name, key.segment);
  } else {
    log::error("topic {} segment {}: removing a copy too many: {}", topic.name, key.segment, gone.error().message());
  }
  return gone.has_value();
}

void Discards::propose(metadata::Command command, storage::SegmentKey key) {
  proposing_.insert(key);
  shard_.metadata.propose(std::move(command), [this, alive = alive_, key](const Result<metadata::Applied>& applied) {
    if (!*alive) return;
    proposing_.erase(key);
    if (metadata::outcome_of(applied) && topics_.contains(key.topic)) run_within(removal::kLetGoDelay);
  });
}

}  // namespace walrus::controller
