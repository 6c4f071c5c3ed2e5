#include "controller/disposal.h"

#include <limits>
#include <utility>

#include "base/log.h"
#include "controller/removal_pace.h"

namespace walrus::controller {

namespace {
constexpr std::size_t kSegmentsPerRound = 16;
constexpr std::size_t kTopicsPerRound = 1000;  // their numbers fit into a command (limits::kMaxCommandBytes)
constexpr SegmentId kAll(std::numeric_limits<std::uint64_t>::max());
}  // namespace

Disposal::~Disposal() {
  *alive_ = false;
  stop();
}

void Disposal::start() {
  subscription_ = shard_.metadata.subscribe(
      [this](const metadata::ViewPtr& before, const metadata::ViewPtr& now) { follow(before.get(), *now); });
  follow(nullptr, *shard_.metadata.view());
  discards_.start();
}

void Disposal::stop() {
  discards_.stop();
  subscription_.reset();
  timer_.cancel();
}

void Disposal::follow(const metadata::View* before, const metadata::View& now) {
  note_trims(before, now);
  if (before == nullptr || &before->deleted_topics() != &now.deleted_topics()) note_deletions(now);
  if (!trimmed_.empty() || !deleted_.empty()) run_soon(removal::kLetGoDelay);
}

void Disposal::note_trims(const metadata::View* before, const metadata::View& now) {
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    if (before != nullptr && &before->bucket(i) == &now.bucket(i)) continue;
    for (const auto& [name, topic] : now.bucket(i).topics) {
      const metadata::TopicPtr earlier = before != nullptr ? before->find_topic(topic->id) : nullptr;
      const SegmentId known = earlier ? earlier->segments.front().id : SegmentId(0);
      if (topic->segments.front().id > known && shard_.owns(name)) trimmed_.insert(topic->id);
    }
  }
}

void Disposal::note_deletions(const metadata::View& now) {
  for (const auto& [id, topic] : now.deleted_topics()) {
    const bool ours = topic.nodes.contains(self_) && shard_.owns(topic.name) && !confirming_.contains(id);
    if (ours) deleted_.insert(id);
  }
}

void Disposal::run_soon(io::Duration delay) {
  if (timer_.armed()) return;
  timer_ = shard_.loop.after(delay, [this] { run(); });
}

void Disposal::run() {
  left_in_round_ = kSegmentsPerRound;
  const metadata::ViewPtr view = shard_.metadata.view();
  std::erase_if(trimmed_, [&](TopicId id) {
    const metadata::TopicPtr topic = view->find_topic(id);
    return topic == nullptr || dispose(id, topic->segments.front().id);  // null: deleted since then
  });
  std::vector<TopicId> gone;
  std::erase_if(deleted_, [&](TopicId id) {
    if (gone.size() == kTopicsPerRound || !dispose(id, kAll)) return false;
    const Status removed = shard_.store.remove_topic(id);
    if (!removed) log::error("topic {}: removing its directory: {}", id, removed.error().message());
    if (removed) gone.push_back(id);
    return removed.has_value();
  });
  // Rounds follow each other while they get somewhere.
  const bool full = left_in_round_ == 0 || gone.size() == kTopicsPerRound;
  if (!gone.empty()) confirm(std::move(gone));
  if (!trimmed_.empty() || !deleted_.empty())
    run_soon(full ? removal::kRoundDelay : io::Duration(removal::kRetryDelay));
}

bool Disposal::dispose(TopicId topic, SegmentId first_kept) {
  const auto keys = shard_.store.list(topic);
  if (!keys) {
    log::error("topic {}: looking for files to remove: {}", topic, keys.error().message());
    return false;
  }
  for (const storage::SegmentKey& key : *keys) {
    if (key.segment >= first_kept) break;
    if (left_in_round_ == 0) return false;
    --left_in_round_;
    shard_.let_go(key);
    shard_.replicas.forget(key);
    if (const Status removed = shard_.store.remove(key); !removed) {
      log::error("topic {} segment {}: removing it: {}", topic, key.segment, removed.error().message());
      return false;
    }
    log::debug("topic {} segment {}: removed", topic, key.segment);
  }
  return true;
}

/// The disk's incarnation stands in the view: a command from before an exchange of the disk is refused.
void Disposal::confirm(std::vector<TopicId> topics) {
  const metadata::NodeInfo* self = shard_.metadata.view()->find_node(self_);
  if (self == nullptr) return;
  metadata::Command command;
  metadata::ConfirmDeletions& confirmation = *command.mutable_confirm_deletions();
  confirmation.set_node_id(self_.value());
  confirmation.set_incarnation(self->incarnation);
  for (const TopicId topic : topics) {
    confirmation.add_topic_ids(topic.value());
    confirming_.insert(topic);
  }
  shard_.metadata.propose(std::move(command),
                          [this, alive = alive_, topics = std::move(topics)](const Result<metadata::Applied>& applied) {
                            if (!*alive) return;
                            for (const TopicId topic : topics) confirming_.erase(topic);
                            if (metadata::outcome_of(applied)) return;
                            note_deletions(*shard_.metadata.view());  // looked for, found gone, confirmed anew
                            if (!deleted_.empty()) run_soon(removal::kRetryDelay);
                          });
}

}  // namespace walrus::controller
