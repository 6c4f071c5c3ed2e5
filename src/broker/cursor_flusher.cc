#include "broker/cursor_flusher.h"

#include <algorithm>
#include <utility>

namespace walrus::broker {

namespace {
constexpr auto kRetryDelay = std::chrono::milliseconds(20);
// A proposal that is too large would be tried for ever: to what there may be already one work queue is added, with as
// many failures (30 bytes in protobuf at most) and ranges that are done (20) as it may have.
constexpr std::size_t kMostQueueBytes = limits::kMaxQueueExceptions * (30 + 20);
static_assert(limits::kMaxGroupBytesPerProposal + kMostQueueBytes + 4 * limits::kKiB <= limits::kMaxCommandBytes);
}  // namespace

void CursorFlusher::touch(const std::shared_ptr<Group>& group, Group::Urgency urgency) {
  if (!std::exchange(group->queued, true)) line_.push_back(group);
  if (urgency == Group::Urgency::kNow) return hurry();
  if (timer_.armed() || proposing_ || hurrying_) return;
  timer_ = loop_.after(limits::kCursorFlushInterval, [this] { commit_some(); });
}

void CursorFlusher::flush(io::Done done) {
  if (line_.empty() && !proposing_) return done({});
  flushes_.push_back({.line_end = left_line_ + line_.size(), .done = std::move(done)});
  hurry();
}

/// At the end of this turn of the loop: commits that arrive together go together.
void CursorFlusher::hurry() {
  if (proposing_ || std::exchange(hurrying_, true)) return;
  timer_.cancel();
  loop_.post([this] {
    hurrying_ = false;
    if (!proposing_) commit_some();
  });
}

CursorFlusher::Batch CursorFlusher::take_batch(metadata::CommitCursors& commit) {
  Batch batch;
  std::size_t bytes = 0;
  while (!line_.empty() && batch.size() < limits::kMaxGroupsPerProposal && bytes < limits::kMaxGroupBytesPerProposal) {
    std::shared_ptr<Group> group = std::move(line_.front());
    line_.pop_front();
    group->queued = false;
    ++left_line_;
    if (group->ended() || !group->dirty()) continue;
    metadata::CommitCursors::Position& position = *commit.add_positions();
    group->write(position);
    bytes += position.ByteSizeLong();
    batch.push_back(std::move(group));
  }
  return batch;
}

void CursorFlusher::commit_some() {
  timer_.cancel();
  metadata::Command command;
  Batch batch = take_batch(*command.mutable_commit_cursors());
  if (batch.empty()) return finish_flushes({});
  proposing_ = true;
  metadata_.propose(std::move(command), [this, batch = std::move(batch)](const Result<metadata::Applied>& applied) {
    proposing_ = false;
    on_applied(batch, applied);
  });
}

void CursorFlusher::on_applied(const Batch& batch, const Result<metadata::Applied>& applied) {
  const Status outcome = applied ? Status() : fail(applied.error());
  const bool none_refused = metadata::outcome_of(applied).has_value();
  const metadata::ViewPtr view = metadata_.view();
  bool urgent = false;
  for (const std::shared_ptr<Group>& group : batch) {
    const metadata::TopicPtr topic = view->find_topic(group->topic());
    const auto groups = topic ? view->groups(*topic) : nullptr;
    const auto known = groups ? groups->find(group->name()) : metadata::Groups::const_iterator();
    const bool found = groups && known != groups->end();
    // Of the positions of a batch one may be refused and another not. Where the owner is still the same, what the state
    // machine has tells; where it is another one, the revision may be its own.
    const bool carried_out = none_refused || (topic && topic->last().epoch == group->epoch());
    group->on_written(outcome, carried_out, found ? &known->second : nullptr);
    if (!group->dirty() || group->ended()) continue;
    if (!std::exchange(group->queued, true)) line_.push_back(group);
    urgent = urgent || !group->only_moved();
  }
  finish_flushes(outcome);
  if (line_.empty()) return;
  urgent =
      urgent || !flushes_.empty() || std::ranges::any_of(line_, [](const auto& group) { return !group->only_moved(); });
  if (!outcome) {
    timer_ = loop_.after(kRetryDelay, [this] { commit_some(); });
  } else if (urgent) {
    commit_some();
  } else {
    timer_ = loop_.after(limits::kCursorFlushInterval, [this] { commit_some(); });
  }
}

void CursorFlusher::finish_flushes(const Status& status) {
  std::vector<io::Done> done;
  std::erase_if(flushes_, [&](Flush& flush) {
    if (status && flush.line_end > left_line_) return false;
    done.push_back(std::move(flush.done));
    return true;
  });
  for (io::Done& one : done) one(status);
}

}  // namespace walrus::broker
