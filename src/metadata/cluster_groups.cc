// The commands of ClusterState about groups of readers, and their form in messages.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "metadata/cluster_state.h"
#include "metadata/group_message.h"

namespace walrus::metadata {
namespace {

/// What lies before `start` is trimmed.
void move_up(GroupInfo& group, Offset start) {
  if (group.offset >= start) return;
  group.offset = start;
  if (group.queue == nullptr) return;
  QueueInfo queue = *group.queue;
  std::erase_if(queue.done, [start](const OffsetRange& range) { return range.end <= start; });
  if (!queue.done.empty() && queue.done.front().begin <= start) {
    group.offset = queue.done.front().end;
    queue.done.erase(queue.done.begin());
  }
  std::erase_if(queue.failures, [at = group.offset](const QueueFailure& one) { return one.offset < at; });
  group.queue = std::make_shared<const QueueInfo>(std::move(queue));
}

}  // namespace

QueueState to_message(const QueueInfo& queue) {
  QueueState message;
  QueueState::Settings& settings = *message.mutable_settings();
  settings.set_lease_ms(queue.settings.lease_ms);
  settings.set_max_tries(queue.settings.max_tries);
  settings.set_retry_delay_ms(queue.settings.retry_delay_ms);
  settings.set_in_flight(queue.settings.in_flight);
  settings.set_dead_topic(queue.settings.dead_topic);
  for (const OffsetRange& range : queue.done) {
    message.add_done(range.begin.value());
    message.add_done(range.end - range.begin);
  }
  for (const QueueFailure& failure : queue.failures) {
    QueueState::Failure& written = *message.add_failures();
    written.set_offset(failure.offset.value());
    written.set_tries(failure.tries);
    written.set_due_ms(failure.due_ms);
  }
  return message;
}

Result<QueueInfo> queue_from(const QueueState& message, Offset offset) {
  const auto corrupt = [] { return fail(ErrorCode::kCorrupt, "a work queue's state does not add up"); };
  QueueInfo queue{.settings = {.lease_ms = message.settings().lease_ms(),
                               .max_tries = message.settings().max_tries(),
                               .retry_delay_ms = message.settings().retry_delay_ms(),
                               .in_flight = message.settings().in_flight(),
                               .dead_topic = message.settings().dead_topic()},
                  .done = {},
                  .failures = {}};
  if (message.done_size() % 2 != 0) return corrupt();
  Offset least = offset;
  for (int i = 0; i + 1 < message.done_size(); i += 2) {
    const OffsetRange range{.begin = Offset(message.done(i)), .end = Offset(message.done(i)) + message.done(i + 1)};
    if (range.begin < least || range.end <= range.begin) return corrupt();
    least = range.end + 1;  // neighbours would be one range
    queue.done.push_back(range);
  }
  least = offset;
  for (const QueueState::Failure& read : message.failures()) {
    if (Offset(read.offset()) < least) return corrupt();
    least = Offset(read.offset()) + 1;
    queue.failures.push_back({.offset = Offset(read.offset()), .tries = read.tries(), .due_ms = read.due_ms()});
  }
  return queue;
}

Groups& ClusterState::groups_for_writing(const TopicInfo& topic) {
  std::shared_ptr<const Groups>& groups = bucket_for_writing(topic.name).groups[topic.id];
  if (groups == nullptr) {
    groups = std::make_shared<Groups>();
  } else if (!own_groups_.contains(topic.id)) {
    groups = std::make_shared<Groups>(*groups);
  }
  own_groups_.insert(topic.id);
  return const_cast<Groups&>(*groups);  // made by this object, seen by no view yet
}

void ClusterState::move_groups_up(const TopicInfo& topic) {
  const Offset start = topic.start();
  const std::shared_ptr<const Groups> groups = draft_.groups(topic);
  if (std::ranges::none_of(*groups, [start](const auto& group) { return group.second.offset < start; })) return;
  for (auto& [name, group] : groups_for_writing(topic)) move_up(group, start);
}

void ClusterState::move_groups_down(const TopicInfo& topic, Offset end) {
  if (draft_.groups(topic)->empty()) return;
  for (auto& [name, group] : groups_for_writing(topic)) {
    if (group.offset > end) ++group.generation;  // as a SEEK
    group.offset = std::min(group.offset, end);
    if (group.queue == nullptr) continue;
    QueueInfo queue = *group.queue;
    std::erase_if(queue.done, [end](const OffsetRange& range) { return range.begin >= end; });
    if (!queue.done.empty()) queue.done.back().end = std::min(queue.done.back().end, end);
    std::erase_if(queue.failures, [end](const QueueFailure& one) { return one.offset >= end; });
    group.queue = std::make_shared<const QueueInfo>(std::move(queue));
  }
}

void ClusterState::move_groups_past_loss(const TopicInfo& topic, Offset base, Offset end) {
  move_groups_down(topic, base);  // what a work queue knew of lost records
  if (draft_.groups(topic)->empty()) return;
  for (auto& [name, group] : groups_for_writing(topic)) {
    if (group.offset == base) group.offset = end;
  }
}

Status ClusterState::commit_cursors(const CommitCursors& command) {
  // One stale position must not cost the others of the batch: each is judged alone, the first refusal is reported.
  Status result;
  for (const CommitCursors::Position& position : command.positions()) {
    Status one = commit_cursor(position);
    if (!one && result) result = std::move(one);
  }
  return result;
}

Status ClusterState::commit_cursor(const CommitCursors::Position& position) {
  const TopicPtr topic = draft_.find_topic(TopicId(position.topic_id()));
  if (topic == nullptr) return fail(ErrorCode::kTopicNotFound);
  const SegmentInfo& last = topic->last();
  if (last.epoch != Epoch(position.epoch())) {
    return fail(ErrorCode::kConflict, fmt::format("{} is led with epoch {} now", topic->name, last.epoch));
  }
  const Offset offset(position.offset());
  if (last.sealed() && offset > last.end) return fail(ErrorCode::kInvalidArgument, "the cursor lies behind the end");
  const std::string name = position.group().empty() ? std::string(kSharedGroup) : position.group();
  const std::shared_ptr<const Groups> groups = draft_.groups(*topic);
  const auto known = groups->find(name);
  const GroupInfo before = known != groups->end() ? known->second : GroupInfo{};
  if (position.forget()) {
    if (known != groups->end() && name != kSharedGroup) groups_for_writing(*topic).erase(name);
    return {};
  }
  // Of one owner's proposals the last one counts, in whatever order they come; without a revision the furthest one.
  const bool newer = position.revision() != 0 ? position.revision() > before.revision : offset > before.offset;
  if (!newer || position.generation() < before.generation) return {};
  if (position.generation() == before.generation && offset < before.offset) return {};
  if (known == groups->end() && groups->size() >= limits::kMaxGroups + 1) {
    return fail(ErrorCode::kOverloaded, fmt::format("a topic has at most {} groups", limits::kMaxGroups));
  }
  GroupInfo after{.offset = offset,
                  .generation = position.generation(),
                  .revision = std::max(position.revision(), before.revision),
                  .queue = nullptr};
  if (position.has_queue()) {
    WALRUS_ASSIGN(QueueInfo queue, queue_from(position.queue(), offset));
    after.queue = std::make_shared<const QueueInfo>(std::move(queue));
  }
  move_up(after, topic->start());  // a trim may have come first
  groups_for_writing(*topic)[name] = std::move(after);
  return {};
}

}  // namespace walrus::metadata
