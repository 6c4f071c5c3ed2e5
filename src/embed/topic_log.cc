// Opening, appending and reading; the changes of the chain are in topic_changes.cc.
#include "embed/topic_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace walrus::embed {

/// At the end of the loop's turn, for all batches of the turn under one lock.
void TopicHome::give_back(StagedBatchPtr batch) {
  taken.push_back(std::move(batch));
  if (taken.size() > 1) return;
  loop.post([this] { inbox.give_back(std::exchange(taken, {})); });
}

void TopicHome::finished(StagedBatch& batch, const Status& status) {
  if (!status) batch.error = status.error();
  for (StagedBatch::Waiting& waiting : batch.callbacks) {
    waiting.done(status ? Result<Offset>(waiting.offset) : fail(status.error()));
  }
  batch.callbacks.clear();
  if (--batch.round->unfinished > 0) return;
  batch.round->done.open();
  rounds.end(batch.round->mark);
}

TopicLog::TopicLog(TopicHome& home, TopicId id) : home_(home), id_(id), sync_(home.sync), waits_(home.sync.always()) {}

Status TopicLog::open(const Catalog::Topic& known, std::vector<std::string>& damage) {
  start_ = known.start;
  retention_ = known.retention;
  for (const Catalog::Segment& segment : known.segments) {
    Part part{segment.id, segment.base, nullptr, segment.newest_ms, {}};
    auto opened = home_.store.open_segment({id_, segment.id}, segment.base);
    if (opened) {
      part.segment = *opened;
      if (const Status status = part.segment->status(); !status) part.trouble = status.error().detail;
    } else {
      part.trouble = opened.error().message();
    }
    if (!part.trouble.empty()) {
      damage.push_back(
          fmt::format("topic '{}', segment {} from offset {}: {}", known.name, part.id, part.base, part.trouble));
    }
    parts_.push_back(std::move(part));
  }
  if (parts_.empty()) return fail(ErrorCode::kCorrupt, fmt::format("topic '{}' has no segment", known.name));
  for (std::size_t i = 0; i + 1 < parts_.size(); ++i) {
    if (parts_[i].segment != nullptr && !parts_[i].segment->sealed()) parts_[i].segment->seal();
  }
  Part& last = open_part();
  if (last.segment == nullptr) {
    unusable_ = Error{ErrorCode::kCorrupt, last.trouble};
  } else if (last.segment->end() > last.base) {
    last.newest_ms = home_.loop.wall_ms();  // not before that, whenever it was
  }
  inbox.next = last.segment == nullptr ? last.base : going_on_at(last.segment->end());
  // A trim is always synced. Where the records that it took were not, the topic goes on behind them.
  if (last.segment != nullptr && last.segment->end() < start_ && !last.segment->sealed()) last.segment->seal();
  use_open_part();
  watch_clock();
  return {};
}

void TopicLog::use_open_part() {
  storage::Segment* segment = open_part().segment;
  if (segment == nullptr) return;
  segment->set_sync(sync_);
  segment->watch([this] { on_changed(); });
}

void TopicLog::set_sync(SyncPolicy policy) {
  sync_ = policy;
  waits_ = policy.always();
  if (!removed_ && open_part().segment != nullptr) open_part().segment->set_sync(policy);
}

Offset TopicLog::end_of(std::size_t part) const {
  const bool open = part + 1 == parts_.size();
  if (open) return visible_end();
  const storage::Segment* segment = parts_[part].segment;
  return segment == nullptr ? parts_[part].base : std::min(segment->end(), parts_[part + 1].base);
}

Offset TopicLog::visible_end() const {
  const Part& open = parts_.back();
  if (open.segment == nullptr) return open.base;
  if (!open.segment->status()) return going_on_at(sure_end());
  return going_on_at(waits() ? open.segment->durable_end() : open.segment->end());
}

std::optional<Offset> TopicLog::known_end() const {
  if (unusable_) return std::nullopt;
  return visible_end();
}

Status TopicLog::open_part_status() const {
  if (removed_) return fail(ErrorCode::kTopicNotFound);
  if (unusable_) return fail(*unusable_);
  return {};
}

void TopicLog::take(StagedBatchPtr batch) {
  if (batch->generation != generation_) {
    home_.give_back(batch);
    return home_.finished(*batch, fail(ErrorCode::kUnavailable, "a batch before this one has failed"));
  }
  held_.push_back(std::move(batch));
  pump();
}

bool TopicLog::must_roll() const {
  const storage::Segment& segment = *parts_.back().segment;
  if (!segment.status() || segment.sealed()) return true;
  return segment.bytes() >= home_.segment_bytes || segment.end() - segment.base() >= home_.segment_records;
}

void TopicLog::pump() {
  if (held_.empty() || rolling_ || awaiting_slot_) return;
  if (const Status status = open_part_status(); !status) return fail_held(status.error());
  if (must_roll()) return start_roll();
  append_held();
}

void TopicLog::append_held() {
  Part& part = open_part();
  while (!held_.empty() && !must_roll()) {
    StagedBatch& staged = *held_.front();
    // Finished anew when the log had no room for it the last time: then its bytes are there already.
    if (staged.finished.empty()) {
      WALRUS_ASSERT(staged.base == part.segment->end());
      staged.finished = staged.builder.finish_shared(staged.base);
    }
    const Status appended = part.segment->append(staged.finished);
    if (!appended && appended.error().code == ErrorCode::kOverloaded) {
      awaiting_slot_ = true;
      home_.store.when_writable([self = shared_from_this()] {
        self->awaiting_slot_ = false;
        self->pump();
      });
      return;
    }
    if (!appended) return fail_held(appended.error());
    staged.finished = {};
    part.newest_ms = home_.loop.wall_ms();
    StagedBatchPtr batch = std::move(held_.front());
    held_.pop_front();
    home_.give_back(batch);
    if (waits()) {
      in_flight_.push_back({part.segment->end(), std::move(batch)});
    } else {
      home_.finished(*batch, {});
    }
  }
  if (retention_.time_ms > 0 && !clock_.armed()) watch_clock();
  if (!held_.empty()) return pump();
  tell_appended();
}

void TopicLog::when_appended(io::Task task) {
  if (waits() || held_.empty()) return task();
  when_appended_.push_back(std::move(task));
}

void TopicLog::tell_appended() {
  for (io::Task& task : std::exchange(when_appended_, {})) task();
}

void TopicLog::on_changed() {
  const storage::Segment& segment = *open_part().segment;
  // Whoever waits for it asked for the disk, whatever is asked for by now.
  while (!in_flight_.empty() && in_flight_.front().end <= segment.logged_end()) {
    const StagedBatchPtr batch = std::move(in_flight_.front().batch);
    in_flight_.pop_front();
    home_.finished(*batch, {});
  }
  if (const Status status = segment.status(); !status) {
    fail_all({ErrorCode::kIo, status.error().detail});
  }
  if (when_durable_ && all_durable()) std::exchange(when_durable_, {})();
}

void TopicLog::fail_held(const Error& error) {
  ++generation_;
  const storage::Segment* segment = open_part().segment;
  // Of weaker policies nobody waits: the next call hears of it.
  const std::optional<Error> lost = waits() ? std::nullopt : std::optional(error);
  home_.inbox.fail_topic(inbox, segment == nullptr ? open_part().base : going_on_at(segment->end()), lost);
  for (StagedBatchPtr& batch : std::exchange(held_, {})) {
    home_.give_back(batch);
    home_.finished(*batch, fail(error));
  }
  tell_appended();
}

/// The open segment takes nothing any more, and keeps what is durable in it.
void TopicLog::fail_all(const Error& error) {
  const Offset end = sure_end();
  if (in_flight_.empty() && held_.empty() && open_part().segment->end() == end) return;
  ++generation_;
  home_.inbox.fail_topic(inbox, going_on_at(end), waits() ? std::nullopt : std::optional(error));
  for (InFlight& batch : std::exchange(in_flight_, {})) home_.finished(*batch.batch, fail(error));
  for (StagedBatchPtr& batch : std::exchange(held_, {})) {
    home_.give_back(batch);
    home_.finished(*batch, fail(error));
  }
  tell_appended();
}

void TopicLog::read(Offset from, std::size_t max_bytes, storage::BatchesDone done) {
  if (removed_) return done(fail(ErrorCode::kTopicNotFound));
  const Offset end = visible_end();
  if (from < start_ || from > end) return done(out_of_range(from));
  if (from == end) return done(storage::Batches{});
  // The last part that begins at or before it.
  const auto behind = std::ranges::upper_bound(parts_, from, {}, &Part::base);
  auto index = static_cast<std::size_t>(behind - parts_.begin()) - 1;
  if (from >= end_of(index)) from = parts_[++index].base;  // lost under a weaker policy: goes on behind the hole
  const Part& part = parts_[index];
  if (part.segment == nullptr) return done(fail(ErrorCode::kCorrupt, part.trouble));
  // A trim or removal that comes while the read is under way may take the file away from it.
  auto answer = [self = shared_from_this(), from, done = std::move(done)](Result<storage::Batches> batches) mutable {
    if (!batches && self->removed_) return done(fail(ErrorCode::kTopicNotFound));
    if (!batches && from < self->start_) return done(self->out_of_range(from));
    done(std::move(batches));
  };
  part.segment->read(from, end_of(index), max_bytes, std::move(answer));
}

std::unexpected<Error> TopicLog::out_of_range(Offset from) const {
  return fail(ErrorCode::kOffsetOutOfRange,
              fmt::format("{}, the topic has {} to {}", from, start_, removed_ ? start_ : visible_end()));
}

Result<TopicNumbers> TopicLog::numbers() const {
  if (removed_) return fail(ErrorCode::kTopicNotFound);
  TopicNumbers numbers{.start = start_, .end = visible_end(), .bytes = 0, .segments = parts_.size()};
  for (const Part& part : parts_) {
    if (part.segment != nullptr) numbers.bytes += part.segment->bytes();
  }
  return numbers;
}

}  // namespace walrus::embed
