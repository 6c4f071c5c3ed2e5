#include "broker/work_queue.h"

#include <algorithm>
#include <iterator>

namespace walrus::broker {

WorkQueue::WorkQueue(const metadata::QueueInfo& stored, Offset offset)
    : settings_(stored.settings), offset_(offset), next_(offset) {
  for (const metadata::OffsetRange& range : stored.done) done_[range.begin] = range.end;
  for (const metadata::QueueFailure& failure : stored.failures) {
    failures_[failure.offset] = {.due_ms = failure.due_ms, .tries = failure.tries};
  }
}

metadata::QueueInfo WorkQueue::state() const {
  metadata::QueueInfo state{.settings = settings_, .done = {}, .failures = {}};
  for (const auto& [begin, end] : done_) state.done.push_back({.begin = begin, .end = end});
  // A record that failed before and is on lease now keeps its tries.
  auto failures = failures_;
  for (const auto& [offset, lease] : leases_) {
    if (lease.tries > 1) failures[offset] = {.due_ms = 0, .tries = lease.tries - 1};
  }
  for (const auto& [offset, failure] : failures) {
    state.failures.push_back({.offset = offset, .tries = failure.tries, .due_ms = failure.due_ms});
  }
  return state;
}

bool WorkQueue::done(Offset offset) const {
  if (offset < offset_) return true;
  const auto after = done_.upper_bound(offset);
  return after != done_.begin() && std::prev(after)->second > offset;
}

/// The next offset, behind the whole range if this one is done.
Offset WorkQueue::behind_done(Offset offset) const {
  const auto after = done_.upper_bound(offset);
  const bool inside = after != done_.begin() && std::prev(after)->second > offset;
  return inside ? std::prev(after)->second : offset + 1;
}

bool WorkQueue::may_give(Offset offset, std::int64_t now_ms) const {
  if (done(offset) || leases_.contains(offset)) return false;
  const auto failure = failures_.find(offset);
  return failure == failures_.end() || (failure->second.due_ms <= now_ms && !dead(failure->second));
}

std::optional<WorkQueue::Run> WorkQueue::next_run(std::int64_t now_ms, std::uint32_t max, Offset end) const {
  if (leases_.size() >= settings_.in_flight) return std::nullopt;
  if (settings_.in_flight == 1) {  // whatever else is due: strictly in order
    if (offset_ >= end || !may_give(offset_, now_ms)) return std::nullopt;
    return Run{.first = offset_, .count = 1};
  }
  const std::size_t exceptions = leases_.size() + failures_.size() + done_.size();
  std::uint64_t room = std::min<std::uint64_t>(max, settings_.in_flight - leases_.size());
  std::optional<Offset> first;
  const auto due = std::ranges::find_if(
      failures_, [&](const auto& failure) { return failure.first < end && may_give(failure.first, now_ms); });
  if (due != failures_.end()) {
    first = due->first;
  } else {
    // Something new; with too much open behind the offset, only what closes it goes on.
    const bool full = exceptions >= limits::kMaxQueueExceptions;
    if (full && next_ != offset_) return std::nullopt;
    room = full ? 1 : std::min<std::uint64_t>(room, limits::kMaxQueueExceptions - exceptions);
    Offset fresh = next_;
    while (fresh < end && !may_give(fresh, now_ms)) fresh = behind_done(fresh);
    if (fresh >= end) return std::nullopt;
    first = fresh;
  }
  Run run{.first = *first, .count = 0};
  while (run.count < room && run.first + run.count < end && may_give(run.first + run.count, now_ms)) ++run.count;
  return run;
}

std::vector<std::uint32_t> WorkQueue::grant(Run run, std::int64_t until_ms) {
  std::vector<std::uint32_t> tries;
  tries.reserve(run.count);
  for (std::uint32_t i = 0; i < run.count; ++i) {
    const Offset offset = run.first + i;
    const auto failure = failures_.find(offset);
    tries.push_back(failure == failures_.end() ? 1 : failure->second.tries + 1);
    if (failure != failures_.end()) failures_.erase(failure);
    leases_[offset] = {.until_ms = until_ms, .tries = tries.back()};
  }
  while (leases_.contains(next_) || failures_.contains(next_) || done(next_)) next_ = behind_done(next_);
  return tries;
}

bool WorkQueue::can_ack(Offset offset) const {
  return done_.size() < limits::kMaxQueueExceptions || offset == offset_ || done(offset) || leases_.contains(offset) ||
         failures_.contains(offset);
}

bool WorkQueue::ack(Offset offset) {
  if (done(offset)) return false;
  leases_.erase(offset);
  failures_.erase(offset);
  mark_done(offset);
  return true;
}

void WorkQueue::mark_done(Offset offset) {
  Offset begin = offset;
  Offset end = offset + 1;
  const auto after = done_.lower_bound(offset);
  if (after != done_.begin() && std::prev(after)->second == offset) {
    begin = std::prev(after)->first;
    done_.erase(std::prev(after));
  }
  if (const auto next = done_.find(end); next != done_.end()) {
    end = next->second;
    done_.erase(next);
  }
  if (begin == offset_) {
    offset_ = end;
    next_ = std::max(next_, offset_);
  } else {
    done_[begin] = end;
  }
}

bool WorkQueue::nack(Offset offset, std::uint32_t tries, std::int64_t due_ms) {
  const auto lease = leases_.find(offset);
  if (lease == leases_.end() || (tries != 0 && lease->second.tries != tries)) return false;
  fail(offset, lease->second.tries, due_ms);
  return true;
}

void WorkQueue::fail(Offset offset, std::uint32_t tries, std::int64_t due_ms) {
  leases_.erase(offset);
  failures_[offset] = {.due_ms = due_ms, .tries = tries};
}

bool WorkQueue::extend(Offset offset, std::uint32_t tries, std::int64_t until_ms) {
  const auto lease = leases_.find(offset);
  if (lease == leases_.end() || (tries != 0 && lease->second.tries != tries)) return false;
  lease->second.until_ms = until_ms;
  return true;
}

bool WorkQueue::expire(std::int64_t now_ms) {
  std::vector<std::pair<Offset, std::uint32_t>> late;
  for (const auto& [offset, lease] : leases_) {
    if (lease.until_ms <= now_ms) late.emplace_back(offset, lease.tries);
  }
  for (const auto& [offset, tries] : late) fail(offset, tries, now_ms + settings_.retry_delay_ms);
  return !late.empty();
}

void WorkQueue::reset(Offset offset) {
  offset_ = next_ = offset;
  done_.clear();
  leases_.clear();
  failures_.clear();
}

void WorkQueue::trim(Offset start) {
  if (start <= offset_) return;
  offset_ = start;
  next_ = std::max(next_, start);
  std::erase_if(leases_, [start](const auto& entry) { return entry.first < start; });
  std::erase_if(failures_, [start](const auto& entry) { return entry.first < start; });
  std::erase_if(done_, [start](const auto& entry) { return entry.second <= start; });
  if (done_.empty() || done_.begin()->first > start) return;
  offset_ = done_.begin()->second;
  next_ = std::max(next_, offset_);
  done_.erase(done_.begin());
}

std::vector<metadata::QueueFailure> WorkQueue::dead() const {
  std::vector<metadata::QueueFailure> list;
  for (const auto& [offset, failure] : failures_) {
    if (dead(failure)) list.push_back({.offset = offset, .tries = failure.tries, .due_ms = failure.due_ms});
  }
  return list;
}

std::optional<std::int64_t> WorkQueue::next_event_ms(std::int64_t now_ms) const {
  std::optional<std::int64_t> next;
  const auto consider = [&next, now_ms](std::int64_t at) {
    if (at > now_ms) next = next ? std::min(*next, at) : at;
  };
  for (const auto& [offset, lease] : leases_) consider(lease.until_ms);
  for (const auto& [offset, failure] : failures_) {
    if (!dead(failure)) consider(failure.due_ms);
  }
  return next;
}

}  // namespace walrus::broker
