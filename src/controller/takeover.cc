#include "controller/takeover.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "metadata/sealing.h"

namespace walrus::controller {

namespace {

constexpr auto kRetryDelay = std::chrono::milliseconds(50);

bool our_turn(const metadata::TopicInfo& topic, NodeId self) {
  return topic.last().state == metadata::SegmentState::kSealing && topic.last().recoverer == self;
}

}  // namespace

Takeover::Takeover(io::Loop& loop, io::Transport& transport, metadata::MetadataClient& metadata,
                   replication::ReplicaTable& replicas, NodeId self, std::function<bool(std::string_view)> owns,
                   SyncPolicy fsync)
    : loop_(loop),
      transport_(transport),
      metadata_(metadata),
      replicas_(replicas),
      self_(self),
      owns_(std::move(owns)),
      fsync_(fsync) {}

Takeover::~Takeover() {
  *alive_ = false;
  stop();
}

void Takeover::start() {
  subscription_ = metadata_.subscribe(
      [this](const metadata::ViewPtr& before, const metadata::ViewPtr& now) { follow(before.get(), *now); });
  follow(nullptr, *metadata_.view());
}

void Takeover::stop() {
  subscription_.reset();
  for (auto& [topic, running] : running_) running.recovery->stop();
  running_.clear();
}

void Takeover::follow(const metadata::View* before, const metadata::View& now) {
  drop_deleted(now);
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    if (before != nullptr && &before->bucket(i) == &now.bucket(i)) continue;
    for (const auto& [name, topic] : now.bucket(i).topics) {
      const metadata::TopicPtr earlier = before != nullptr ? before->find_topic(name) : nullptr;
      if (earlier != topic && owns_(name)) look_at(earlier.get(), topic);
    }
  }
}

/// A topic that was deleted meanwhile has no end to be found.
void Takeover::drop_deleted(const metadata::View& now) {
  std::erase_if(running_, [&](auto& running) {
    if (now.find_topic(running.first) != nullptr) return false;
    running.second.recovery->stop();
    return true;
  });
}

void Takeover::look_at(const metadata::TopicInfo* before, const metadata::TopicPtr& topic) {
  const auto running = running_.find(topic->id);
  if (running != running_.end() &&
      (!our_turn(*topic, self_) || running->second.seal_epoch != topic->last().seal_epoch)) {
    running->second.recovery->stop();
    running_.erase(running);
  }
  if (our_turn(*topic, self_) && !running_.contains(topic->id)) recover(*topic, 0);
  const auto look = [&](const metadata::SegmentInfo& segment, const metadata::SegmentInfo* earlier) {
    const bool replicated = segment.replicas.size() > 1;  // a lone replica is at its end as it is
    if (!segment.sealed() || !replicated || !segment.has_replica(self_)) return;
    // Of those that this node has not seen being sealed, because it was away: the newest may have been cut in part, and
    // older ones not at all. (Cut in part and older: the scrubber comes to them.)
    const bool fresh = earlier != nullptr
                           ? !earlier->sealed()
                           : segment.id.value() + 2 >= topic->last().id.value() ||
                                 !replicas_.was_settled({topic->id, segment.id}, topic->after(segment).epoch);
    if (fresh) settle(*topic, segment);
  };
  topic->segments.each_changed(before != nullptr ? &before->segments : nullptr, look);
}

void Takeover::recover(const metadata::TopicInfo& topic, std::uint64_t attempts) {
  const metadata::SegmentInfo& last = topic.last();
  const metadata::ViewPtr view = metadata_.view();
  const metadata::TopicPtr held = view->find_topic(topic.id);
  std::vector<NodeId> gone;
  std::ranges::copy_if(last.replicas, std::back_inserter(gone),
                       [&](NodeId replica) { return metadata::disk_is_gone(*view, last, replica); });
  auto recovery = std::make_shared<replication::SegmentRecovery>(
      loop_, transport_, replicas_,
      replication::RecoveryOptions{.key = {topic.id, last.id},
                                   .base = last.base,
                                   .seal_epoch = last.seal_epoch,
                                   .replicas = last.replicas,
                                   .self = self_,
                                   .gone = std::move(gone),
                                   .lose_data = last.lose_data,
                                   .version = view->version()},
      [this, held](Result<replication::RecoveredEnd> found) { on_recovered(held, std::move(found)); });
  running_[topic.id] = {.seal_epoch = last.seal_epoch, .recovery = recovery, .attempts = attempts + 1, .retry = {}};
  recovery->start();
}

void Takeover::on_recovered(const metadata::TopicPtr& topic, Result<replication::RecoveredEnd> found) {
  if (found) return propose(topic, *found);
  const auto running = running_.find(topic->id);
  if (running != running_.end() && std::has_single_bit(running->second.attempts)) {  // rarer and rarer
    log::warn("topic {} segment {}: {}", topic->name, topic->last().id, found.error().message());
  }
  if (found.error().code == ErrorCode::kPoisoned) hand_over(*topic);
  try_again(topic->id);  // dropped when the view names another recoverer meanwhile
}

void Takeover::hand_over(const metadata::TopicInfo& topic) {
  const auto other = metadata::choose_recoverer(*metadata_.view(), topic.last());
  if (other) metadata_.propose(metadata::begin_seal(topic, *other), [](const Result<metadata::Applied>&) {});
}

void Takeover::propose(const metadata::TopicPtr& topic, const replication::RecoveredEnd& found) {
  metadata::Command command;
  metadata::CompleteSealAndOpen& complete = *command.mutable_complete_seal_and_open();
  complete.set_topic_id(topic->id.value());
  complete.set_segment_id(topic->last().id.value());
  complete.set_seal_epoch(topic->last().seal_epoch.value());
  complete.set_end(found.end.value());
  complete.set_hash(found.hash);
  complete.set_bytes(found.bytes);
  complete.set_latest_ms(found.latest_ms);
  complete.set_weaker_fsync(!fsync_.always() || found.lost_unwritten);
  for (const NodeId holder : found.holders) complete.add_holders(holder.value());
  log::info("topic {} segment {}: ends at {}, held by {} nodes", topic->name, topic->last().id, found.end,
            found.holders.size());
  metadata_.propose(std::move(command),
                    [this, alive = alive_, id = topic->id](const Result<metadata::Applied>& applied) {
                      // Carried out or beaten: the view says what is next. Else again: it is a compare-and-set.
                      const Status outcome = metadata::outcome_of(applied);
                      if (*alive && !outcome && outcome.error().code != ErrorCode::kConflict) try_again(id);
                    });
}

void Takeover::try_again(TopicId id) {
  const auto running = running_.find(id);
  if (running == running_.end()) return;
  running->second.retry = loop_.after(kRetryDelay, [this, id, attempts = running->second.attempts] {
    running_.erase(id);
    const metadata::TopicPtr topic = metadata_.view()->find_topic(id);
    if (topic && our_turn(*topic, self_)) recover(*topic, attempts);
  });
}

void Takeover::settle(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment) {
  replicas_.settle({topic.id, segment.id}, segment.base, segment.end, topic.after(segment).epoch,
                   [name = topic.name, id = segment.id](const Result<bool>& whole) {
                     if (!whole) return log::error("topic {} segment {}: {}", name, id, whole.error().message());
                     if (!*whole) log::error("topic {} segment {}: this replica lacks records", name, id);
                   });
}

}  // namespace walrus::controller
