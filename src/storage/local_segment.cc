#include "storage/local_segment.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "storage/content_hash.h"
#include "storage/segment_flusher.h"

namespace walrus::storage {

LocalSegment::LocalSegment(std::shared_ptr<SegmentHome> home, WalWriter& log, SegmentFlusher& flusher, SegmentKey key,
                           Offset base)
    : home_(std::move(home)),
      log_(log),
      flusher_(flusher),
      key_(key),
      base_(base),
      end_{base, 0},
      durable_{base, 0},
      file_(std::make_shared<SegmentFile>(home_, key, base)),
      sync_(home_->options.sync),
      counted_(base) {}

Status LocalSegment::open() {
  WALRUS_ASSIGN(const SegmentFile::Found found, file_->open());
  end_ = durable_ = found.end;
  hash_ = found.hash;
  if (found.times) {
    first_ms_ = found.times->first_ms;
    latest_ms_ = found.times->latest_ms;
  }
  sealed_ = footer_written_ = found.sealed;
  logged_ = end_.offset > base_;
  std::string trouble = found.trouble;
  // A sealed segment is past its epochs: nobody can be misled any more.
  if (trouble.empty() && !sealed_ && home_->promises.look_up(key_).lost) {
    trouble = "what this replica has promised was damaged and is not known";
  }
  if (!trouble.empty()) {
    status_ = fail(ErrorCode::kCorrupt, trouble);
    log::error("topic {} segment {}: {}", key_.topic, key_.segment, trouble);
  }
  return {};
}

Status LocalSegment::append(SharedBytes batch) {
  if (closed_) return fail(*closed_);
  if (!status_) return status_;
  if (sealed_) return fail(ErrorCode::kConflict, "segment is sealed");
  WALRUS_ASSIGN(const BatchHeader header, check_batch(batch.view()));
  if (header.base_offset != end_.offset) {
    return fail(ErrorCode::kGap, fmt::format("batch {} at end {}", header.base_offset, end_.offset));
  }
  WALRUS_TRY(flusher_.admit());
  WALRUS_TRY(log_.append(
      {shared_from_this(), wal::EntryKind::kBatch, key_, base_, end_.position, batch, sync_, header.records}));
  logged_ = true;
  tail_.push_back({end_, hash_, latest_ms_, std::move(batch)});
  if (end_.position == 0) first_ms_ = header.first_timestamp_ms;
  latest_ms_ = std::max(latest_ms_, header.max_timestamp_ms);
  end_ = {header.end_offset(), end_.position + header.size};
  hash_ = extend_hash(hash_, header);
  if (!sync_.always() && home_->options.sync.always()) count_now();
  return {};
}

/// The watcher runs when append() has returned, once for all of a turn.
void LocalSegment::count_now() {
  counted_ = end_.offset;
  notify_later();
}

void LocalSegment::notify_later() {
  if (std::exchange(notify_posted_, true)) return;
  home_->loop.post([self = shared_from_this()] {
    self->notify_posted_ = false;
    self->notify();
  });
}

/// A segment that takes no appends any more can still promise not to take any.
void LocalSegment::promise(Epoch epoch, io::Done done) {
  if (closed_) return done(fail(*closed_));
  const Epoch highest = std::max(epoch, promised());
  const Status logged =
      log_.append({shared_from_this(), wal::EntryKind::kPromise, key_, base_, highest.value(), SharedBytes()});
  if (!logged) return done(logged);
  logged_ = true;
  home_->promises.promise(key_, highest);
  answers_.push_back(std::move(done));
}

io::Done LocalSegment::take_answer() {
  WALRUS_ASSERT(!answers_.empty());
  io::Done answer = std::move(answers_.front());
  answers_.erase(answers_.begin());
  return answer;
}

std::optional<std::uint64_t> LocalSegment::hash_at(Offset offset) const {
  if (offset == end_.offset) return hash_;
  if (offset == base_) return 0;
  const auto batches = tail();  // what is not durable is not in the file yet
  const auto next =
      std::ranges::lower_bound(batches, offset, {}, [](const TailBatch& batch) { return batch.place.offset; });
  if (next == batches.end() || next->place.offset != offset) return std::nullopt;
  return next->hash;
}

std::optional<TimeRange> LocalSegment::times() const {
  if (end_.position == 0) return std::nullopt;
  return TimeRange{first_ms_, latest_ms_};
}

void LocalSegment::watch(std::move_only_function<void()> changed) {
  if (notifying_) {
    next_watcher_ = std::move(changed);
  } else {
    changed_ = std::move(changed);
  }
}

/// The watcher may replace or remove itself, or remove the segment.
void LocalSegment::notify() {
  if (closed_ || !changed_) return;
  if (notifying_) return notify_later();
  const auto self = shared_from_this();
  notifying_ = true;
  changed_();
  notifying_ = false;
  if (!next_watcher_) return;
  changed_ = std::move(*next_watcher_);
  next_watcher_.reset();
}

bool LocalSegment::on_durable(const WalEntry& entry) {
  if (!status_) return false;  // its callers were told that the outcome is unknown, and it stays that
  if (was_cut(entry.position)) return false;
  WALRUS_ASSERT(entry.position == durable_.position && entry.records > 0);
  durable_ = {durable_.offset + entry.records, entry.position + entry.batch.size()};
  WALRUS_ASSERT(durable_.offset <= end_.offset);
  return true;
}

void LocalSegment::poison(Error error) {
  if (!status_) return;
  status_ = fail(ErrorCode::kPoisoned, error.message());
  log::error("topic {} segment {}: no more appends after offset {}: {}", key_.topic, key_.segment, durable_.offset,
             error.message());
}

void LocalSegment::close(Error reason) {
  closed_ = std::move(reason);
  watch({});
}

void LocalSegment::read(Offset from, Offset limit, std::size_t max_bytes, BatchesDone done) {
  if (from < base_ || limit > end_.offset) {
    return done(fail(ErrorCode::kOffsetOutOfRange,
                     fmt::format("{} to {}, segment has {} to {}", from, limit, base_, end_.offset)));
  }
  if (from >= limit) return done(Batches{});
  if (from >= written().offset) return done(read_tail(from, limit, max_bytes));
  file_->read(from, std::min(limit, written().offset), max_bytes, std::move(done));
}

Batches LocalSegment::read_tail(Offset from, Offset limit, std::size_t max_bytes) const {
  const auto batches_there = tail();
  auto next =
      std::ranges::upper_bound(batches_there, from, {}, [](const TailBatch& batch) { return batch.place.offset; });
  WALRUS_ASSERT(next != batches_there.begin());
  Batches batches;
  std::size_t bytes = 0;
  for (--next; next != batches_there.end() && next->place.offset < limit; ++next) {
    if (!batches.empty() && bytes + next->batch.size() > max_bytes) break;
    batches.push_back(next->batch);
    bytes += next->batch.size();
  }
  return batches;
}

void LocalSegment::seal() {
  if (std::exchange(sealed_, true)) return;
  flusher_.want_sync(shared_from_this());
}

void LocalSegment::write_some(std::move_only_function<void(Result<std::uint64_t>)> done) {
  if (cut_due()) {
    if (const Status cut = cut_file(); !cut) return done(fail(ErrorCode::kIo, cut.error().message()));
  }
  if (cutting()) return done(std::uint64_t{0});
  const auto all = tail();
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (; count < all.size(); ++count) {
    const TailBatch& batch = all[count];
    if (batch.place.position + batch.batch.size() > durable_.position) break;
    if (count > 0 && bytes + batch.batch.size() > limits::kSegmentReadBytes) break;
    bytes += batch.batch.size();
  }
  if (count == 0) return done(std::uint64_t{0});
  std::vector<SharedBytes> batches;
  batches.reserve(count);
  for (const TailBatch& batch : all.first(count)) batches.push_back(batch.batch);
  const std::uint64_t before = written().position;
  file_->append(std::move(batches), [self = shared_from_this(), before, done = std::move(done)](Status status) mutable {
    if (!status) return done(fail(status.error()));
    self->drop_written();
    // Less than was written when the segment was cut meanwhile.
    const std::uint64_t after = self->written().position;
    done(after - std::min(before, after));
  });
}

void LocalSegment::drop_written() {
  while (tail_gone_ < tail_.size() && tail_[tail_gone_].place.position < written().position) {
    tail_[tail_gone_++].batch = {};
  }
  // Moving what is left is paid for by what has gone.
  if (tail_gone_ * 2 < tail_.size()) return;
  tail_.erase(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(tail_gone_));
  tail_gone_ = 0;
  if (tail_.empty()) tail_.shrink_to_fit();
}

bool LocalSegment::wants_footer() const {
  return sealed_ && !footer_written_ && status_ && synced().position == end_.position && end_.position > 0;
}

void LocalSegment::write_footer(io::Done done) {
  footer_written_ = true;
  file_->complete([self = shared_from_this(), done = std::move(done)](Status status) mutable {
    // A shortcut for the next start, not more.
    if (!status) log::warn("segment index: {}", status.error().message());
    done({});
  });
}

Status LocalSegment::remove_files() { return file_->remove(); }

}  // namespace walrus::storage
