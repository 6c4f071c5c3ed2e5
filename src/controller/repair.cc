#include "controller/repair.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/log.h"

namespace walrus::controller {

namespace {
/// Segments for which this node waits in the second line, at most.
constexpr std::size_t kMaxWaiting = 10'000;
}  // namespace

Repair::Repair(Shard shard, RepairOptions options, RepairCounters& counters)
    : shard_(std::move(shard)),
      options_(options),
      counters_(counters),
      absence_(options.grace),
      limit_(options.bytes_per_second) {}

Repair::~Repair() {
  *alive_ = false;
  stop();
}

void Repair::stop() {
  timer_.cancel();
  for (auto& [key, copier] : running_) copier->stop();
  running_.clear();
}

void Repair::let_go(storage::SegmentKey key) {
  if (const auto running = running_.find(key); running != running_.end()) {
    running->second->stop();
    running_.erase(running);
  }
  for (auto* noted : {&not_before_, &missing_since_}) noted->erase(key);
  looked_.erase(key);
  damaged_.erase(key);
}

void Repair::tick() {
  timer_ = shard_.loop.after(limits::kRepairInterval, [this] { tick(); });
  const metadata::ViewPtr view = shard_.metadata.view();
  if (!view->is_up(options_.self)) return;
  if (absence_.observe(*view, shard_.loop.now())) walk_.wake();
  walk_.step(*view, limits::kRepairSegmentsPerTick,
             [&](const metadata::TopicPtr& topic, const metadata::SegmentInfo& segment) {
               return shard_.owns(topic->name) && visit(*view, topic, segment);
             });
}

bool Repair::visit(const metadata::View& view, const metadata::TopicPtr& topic, const metadata::SegmentInfo& segment) {
  const storage::SegmentKey key{topic->id, segment.id};
  // Its files go first; only the last copy of all is worth more than that decision.
  if (segment.discard_of(options_.self) != nullptr && !segment.lost()) return true;
  RepairPlan plan = plan_repair(view, *topic, segment, absence_);
  if (plan.missing == 0) {
    missing_since_.erase(key);
    return false;
  }
  if (running_.contains(key)) return true;
  if (plan.sources.empty()) {
    const bool candidate = std::ranges::find(plan.candidates, options_.self) != plan.candidates.end();
    if (!candidate || !looked_.insert(key).second) return false;
  } else if (!our_turn(plan, key)) {
    return missing_since_.contains(key);
  }
  if (running_.size() >= limits::kRepairCopiesInFlight) {
    if (plan.sources.empty()) looked_.erase(key);
    return true;
  }
  const auto failed = not_before_.find(key);
  if (failed != not_before_.end() && shard_.loop.now() < failed->second) return true;
  copy(view, *topic, segment, std::move(plan.sources));
  return true;
}

bool Repair::our_turn(const RepairPlan& plan, storage::SegmentKey key) {
  const auto place = std::ranges::find(plan.candidates, options_.self);
  if (place == plan.candidates.end()) return false;
  const auto ahead = static_cast<std::size_t>(place - plan.candidates.begin());
  if (ahead < plan.missing) return true;
  if (missing_since_.size() >= kMaxWaiting && !missing_since_.contains(key)) return false;
  const io::TimePoint since = missing_since_.try_emplace(key, shard_.loop.now()).first->second;
  const auto turns = static_cast<int>(ahead - plan.missing + 1);
  return shard_.loop.now() >= since + turns * limits::kRepairTurn;
}

void Repair::copy(const metadata::View& view, const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                  std::vector<NodeId> sources) {
  const storage::SegmentKey key{topic.id, segment.id};
  // Those that ask at the same time do not all ask the same one.
  std::ranges::rotate(
      sources,
      sources.begin() + (sources.empty() ? 0 : static_cast<std::ptrdiff_t>(options_.self.value() % sources.size())));
  auto copier = std::make_shared<replication::SegmentCopier>(
      replication::SegmentCopier::Place{.loop = shard_.loop,
                                        .transport = shard_.transport,
                                        .store = shard_.store,
                                        .replicas = shard_.replicas,
                                        .limit = limit_},
      replication::CopyOptions{.segment = {.key = key, .base = segment.base, .end = segment.end, .hash = segment.hash},
                               .next_epoch = topic.after(segment).epoch,
                               .sources = std::move(sources),
                               .version = view.version()},
      [this, key](const Status& status) { on_copied(key, status); });
  running_[key] = copier;
  copier->start();
}

void Repair::on_copied(storage::SegmentKey key, const Status& status) {
  const auto running = running_.find(key);
  counters_.copied_bytes += running->second->bytes();
  if (!status) return end_copy(key, status);
  list_as_holder(key);
}

void Repair::list_as_holder(storage::SegmentKey key) {
  const metadata::ViewPtr view = shard_.metadata.view();
  const metadata::TopicPtr topic = view->find_topic(key.topic);
  const metadata::SegmentInfo* segment = topic ? topic->find(key.segment) : nullptr;
  if (segment == nullptr) return end_copy(key, fail(ErrorCode::kNotFound, "the segment is gone"));
  shard_.metadata.propose(add_holder(*view, *topic, *segment, options_.self),
                          [this, alive = alive_, key](const Result<metadata::Applied>& applied) {
                            if (*alive) end_copy(key, metadata::outcome_of(applied));
                          });
}

void Repair::end_copy(storage::SegmentKey key, const Status& status) {
  running_.erase(key);
  if (!status) {
    ++counters_.copies_failed;
    log::warn("topic {} segment {}: no copy was made here: {}", key.topic, key.segment, status.error().message());
    not_before_[key] = shard_.loop.now() + limits::kRepairRetryDelay;
    if (shard_.on_left_over) shard_.on_left_over(key.topic);
    return;
  }
  ++counters_.copies_made;
  if (damaged_.erase(key) > 0) ++counters_.healed;
  not_before_.erase(key);
  missing_since_.erase(key);
  log::info("topic {} segment {}: a whole copy is here now", key.topic, key.segment);
  // Listed and struck off within one view: nobody else sees that something came here.
  const metadata::TopicPtr topic = shard_.metadata.view()->find_topic(key.topic);
  const metadata::SegmentInfo* segment = topic ? topic->find(key.segment) : nullptr;
  const bool listed = segment != nullptr && segment->has_replica(options_.self);
  if (!listed && shard_.on_left_over) shard_.on_left_over(key.topic);
}

}  // namespace walrus::controller
