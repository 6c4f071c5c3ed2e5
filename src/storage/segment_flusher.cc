#include "storage/segment_flusher.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace walrus::storage {

using Work = LocalSegment::Work;

SegmentFlusher::SegmentFlusher(std::shared_ptr<SegmentHome> home, WalWriter& log) : home_(std::move(home)), log_(log) {}

void SegmentFlusher::on_durable(const SegmentPtr& segment, std::uint64_t file, std::uint64_t bytes) {
  unwritten_bytes_ += bytes;
  mark(segment, file);
  if (!std::exchange(segment->waiting, true)) waiting_.push_back(segment);
  if (segment->sealed() && segment->durable_end() == segment->end()) {
    want_sync(segment);
  } else if (segment->unwritten() >= home_->options.segment_write_bytes) {
    want_write(segment);
  }
  if (unwritten_bytes_ > home_->options.max_unwritten_bytes) write_oldest();
}

void SegmentFlusher::mark(const SegmentPtr& segment, std::uint64_t file) {
  auto& marks = segment->log_marks;
  if (marks.empty() || marks.back().file != file) {
    marks.push_back({file, 0});
    Needed& needed = needed_[file];
    ++needed.segments;
    needed.to_flush.push_back(segment);
  }
  marks.back().end = segment->durable().position;
}

void SegmentFlusher::on_truncated(const SegmentPtr& segment, std::uint64_t file) {
  mark(segment, file);
  want_sync(segment);
}

/// One at a time: each batch that comes in beyond the bound pushes another segment out.
void SegmentFlusher::write_oldest() {
  while (!waiting_.empty()) {
    const SegmentPtr segment = std::move(waiting_.front());
    waiting_.pop_front();
    segment->waiting = false;
    if (!segment->forgotten && segment->unwritten() > 0) return want_write(segment);
  }
}

/// What became durable last may still grow: the newest complete file is left to the next call, and perhaps more.
void SegmentFlusher::on_file_complete(std::uint64_t file) {
  const std::uint64_t kept = files_to_keep();
  if (file + 1 > kept) sync_what_is_in(file + 1 - kept);
  release();
}

void SegmentFlusher::on_quiet() {
  home_->buffers->clear();
  sync_what_is_in(std::numeric_limits<std::uint64_t>::max());
  release();
}

std::uint64_t SegmentFlusher::files_to_keep() const {
  std::size_t segments = 0;
  for (const auto& [number, needed] : needed_) segments = std::max(segments, needed.segments);
  const std::uint64_t worth = segments * home_->options.segment_worth_sync_bytes / home_->options.wal_file_bytes;
  return std::clamp<std::uint64_t>(worth, 1, limits::kWalMostKeptFiles);
}

void SegmentFlusher::sync_what_is_in(std::uint64_t below) {
  for (auto& [number, needed] : needed_) {
    if (number >= below) break;
    // A file that is still written to may get more of a segment while that is being synced.
    const bool complete = number < log_.first_open_file();
    const std::vector<SegmentPtr> segments = complete ? std::exchange(needed.to_flush, {}) : needed.to_flush;
    for (const SegmentPtr& segment : segments) {
      const bool still = !segment->log_marks.empty() && segment->log_marks.front().file <= number;
      if (still) want_sync(segment);
    }
  }
}

void SegmentFlusher::want_write(const SegmentPtr& segment) {
  if (segment->forgotten) return;
  segment->write_goal = segment->durable().position;
  enqueue_write(segment);
  run();
}

void SegmentFlusher::want_sync(const SegmentPtr& segment) {
  if (segment->forgotten) return;
  segment->sync_goal = segment->write_goal = segment->durable().position;
  enqueue_write(segment);
  enqueue_sync(segment);
  run();
}

void SegmentFlusher::enqueue_write(const SegmentPtr& segment) {
  const bool more = !segment->cutting() && segment->written().position < segment->write_goal;
  if (segment->write_work != Work::kIdle || !(more || segment->cut_due())) return;
  segment->write_work = Work::kQueued;
  to_write_.push_back(segment);
}

/// Waits for the write or cut that has to come first; on_written() calls again.
void SegmentFlusher::enqueue_sync(const SegmentPtr& segment) {
  const bool written = segment->written().position >= segment->sync_goal;
  const bool wanted =
      segment->synced().position < segment->sync_goal || segment->wants_footer() || segment->cut_unsynced();
  if (segment->sync_work != Work::kIdle || !written || !wanted || segment->cutting()) return;
  segment->sync_work = Work::kQueued;
  to_sync_.push_back(segment);
}

void SegmentFlusher::run() {
  while (writing_ < limits::kSegmentFlushesInFlight && !to_write_.empty()) {
    const SegmentPtr segment = std::move(to_write_.front());
    to_write_.pop_front();
    segment->write_work = Work::kRunning;
    ++writing_;
    write(segment);
  }
  while (syncing_ < limits::kSegmentFlushesInFlight && !to_sync_.empty()) {
    const SegmentPtr segment = std::move(to_sync_.front());
    to_sync_.pop_front();
    segment->sync_work = Work::kRunning;
    ++syncing_;
    sync(segment);
  }
}

void SegmentFlusher::write(const SegmentPtr& segment) {
  segment->write_some([this, segment](Result<std::uint64_t> bytes) { on_written(segment, std::move(bytes)); });
}

void SegmentFlusher::on_written(const SegmentPtr& segment, Result<std::uint64_t> bytes) {
  if (bytes && !segment->forgotten) {
    no_longer_unwritten(*bytes);
    trouble_ = {};
    if (!segment->cutting() && segment->written().position < segment->write_goal) return write(segment);
  }
  segment->write_work = Work::kIdle;
  --writing_;
  if (!bytes) {
    fail(segment, bytes.error());
    const bool gone = bytes.error().code == ErrorCode::kNotFound && !segment->forgotten;
    if (gone) release_log_of(segment);
  } else if (!segment->forgotten) {
    const bool much = segment->written().position - segment->synced().position >= limits::kSegmentSyncBytes;
    if (much) segment->sync_goal = segment->written().position;
    settle_marks(*segment);
    enqueue_write(segment);
    enqueue_sync(segment);
  }
  run();
  answer_flush_all();
}

void SegmentFlusher::no_longer_unwritten(std::uint64_t bytes) {
  WALRUS_ASSERT(bytes <= unwritten_bytes_);
  const bool was_behind = behind();
  unwritten_bytes_ -= bytes;
  if (was_behind && !behind() && relieved_) relieved_();
}

void SegmentFlusher::sync(const SegmentPtr& segment) {
  segment->sync([this, segment](Status status) { on_synced(segment, std::move(status)); });
}

void SegmentFlusher::on_synced(const SegmentPtr& segment, Status status) {
  if (segment->forgotten) return finish_sync(segment);
  if (!status) {
    // Want of space is no better here than any other failure: what was to be written may be gone.
    fail(segment, {ErrorCode::kIo, status.error().message()});
    // What the log holds of a file that is gone would not bring it back; likewise after a write.
    if (status.error().code == ErrorCode::kNotFound) release_log_of(segment);
    return finish_sync(segment);
  }
  settle_marks(*segment);
  if (!segment->wants_footer()) return finish_sync(segment);
  segment->write_footer([this, segment](const Status&) { finish_sync(segment); });
}

void SegmentFlusher::finish_sync(const SegmentPtr& segment) {
  segment->sync_work = Work::kIdle;
  --syncing_;
  if (!segment->file_failed() && !segment->forgotten) {
    enqueue_write(segment);
    enqueue_sync(segment);
  }
  run();
  answer_flush_all();
}

void SegmentFlusher::fail(const SegmentPtr& segment, const Error& error) {
  if (segment->forgotten) return;
  if (flush_result_) flush_result_ = walrus::fail(error);
  if (error.code != ErrorCode::kDiskFull) {
    segment->poison(error);
    segment->notify();
    return;
  }
  if (trouble_) log::error("segment files: {}; trying again when there is more to write", error.message());
  const bool was_behind = behind();
  trouble_ = walrus::fail(error);
  next_attempt_ = home_->loop.now() + limits::kStorageRetryInterval;
  stalled_.push_back(segment);
  if (was_behind && relieved_) relieved_();
}

/// A cut that is not done, or not synced, is still needed from the log, wherever the sync of the file stands.
void SegmentFlusher::settle_marks(LocalSegment& segment) {
  if (segment.cutting() || segment.cut_unsynced()) return;
  drop_marks(segment, segment.synced().position);
  release();
}

void SegmentFlusher::drop_marks(LocalSegment& segment, std::uint64_t up_to) {
  auto& marks = segment.log_marks;
  const auto kept = std::ranges::find_if(marks, [&](const LocalSegment::LogMark& mark) { return mark.end > up_to; });
  for (auto mark = marks.begin(); mark != kept; ++mark) --needed_.at(mark->file).segments;
  marks.erase(marks.begin(), kept);
}

void SegmentFlusher::forget(const SegmentPtr& segment) {
  no_longer_unwritten(segment->unwritten());
  segment->forgotten = true;
  segment->write_goal = segment->sync_goal = 0;
  std::erase(stalled_, segment);
}

void SegmentFlusher::release_log_of(const SegmentPtr& segment) {
  drop_marks(*segment, std::numeric_limits<std::uint64_t>::max());
  release();
}

void SegmentFlusher::release() {
  const std::uint64_t open = log_.first_open_file();
  while (!needed_.empty() && needed_.begin()->first < open && needed_.begin()->second.segments == 0) {
    needed_.erase(needed_.begin());
  }
  const std::uint64_t needed = first_needed_file();
  if (needed <= released_below_) return;
  if (const Status status = before_release(needed); !status) {
    log::error("segment files: {}; the log keeps its files", status.error().message());
    return;
  }
  log_.release_below(needed);
  released_below_ = needed;
}

Status SegmentFlusher::before_release(std::uint64_t number) {
  // The names of new segment files must be durable before the log forgets what is in them.
  WALRUS_TRY(home_->files.sync_directories());
  return home_->promises.before_release(number);
}

std::uint64_t SegmentFlusher::first_needed_file() const {
  const std::uint64_t open = log_.first_open_file();
  return needed_.empty() ? open : std::min(open, needed_.begin()->first);
}

bool SegmentFlusher::all_synced() const {
  return std::ranges::all_of(needed_, [](const auto& item) { return item.second.segments == 0; });
}

Status SegmentFlusher::admit() {
  if (!trouble_) try_again();
  if (unwritten_bytes_ <= home_->options.max_unwritten_stalled_bytes) return {};
  if (!trouble_) return trouble_;
  return walrus::fail(ErrorCode::kOverloaded, "segment files: too much waits to be written");
}

void SegmentFlusher::try_again() {
  if (home_->loop.now() < next_attempt_) return;
  for (const SegmentPtr& segment : std::exchange(stalled_, {})) enqueue_write(segment);
  run();
}

void SegmentFlusher::flush_all(io::Done done) {
  when_flushed_.push_back(std::move(done));
  flush_result_ = {};
  sync_what_is_in(std::numeric_limits<std::uint64_t>::max());
  for (const SegmentPtr& segment : std::exchange(stalled_, {})) enqueue_write(segment);
  run();
  answer_flush_all();
}

void SegmentFlusher::answer_flush_all() {
  if (when_flushed_.empty() || writing_ > 0 || syncing_ > 0 || !to_write_.empty() || !to_sync_.empty()) return;
  for (io::Done& done : std::exchange(when_flushed_, {})) done(flush_result_);
}

}  // namespace walrus::storage
