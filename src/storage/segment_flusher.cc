#include "storage/segment_flusher.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace walrus::storage {

using Flush = LocalSegment::Flush;

SegmentFlusher::SegmentFlusher(std::shared_ptr<SegmentHome> home, WalWriter& log) : home_(std::move(home)), log_(log) {}

void SegmentFlusher::on_durable(const SegmentPtr& segment, std::uint64_t file, std::uint64_t bytes) {
  unwritten_bytes_ += bytes;
  auto& marks = segment->log_marks;
  if (marks.empty() || marks.back().file != file) {
    marks.push_back({file, 0});
    Needed& needed = needed_[file];
    ++needed.segments;
    needed.to_flush.push_back(segment);
  }
  marks.back().end = segment->durable().position;
  if (!std::exchange(segment->waiting, true)) waiting_.push_back(segment);
  if (segment->sealed() && segment->durable_end() == segment->end()) {
    want(segment, Flush::kSync);
  } else if (segment->unwritten() >= home_->options.segment_write_bytes) {
    want(segment, Flush::kWrite);
  }
  if (unwritten_bytes_ > home_->options.max_unwritten_bytes) write_oldest();
}

/// One at a time: each batch that comes in beyond the bound pushes another segment out.
void SegmentFlusher::write_oldest() {
  while (!waiting_.empty()) {
    const SegmentPtr segment = std::move(waiting_.front());
    waiting_.pop_front();
    segment->waiting = false;
    if (segment->unwritten() > 0) return want(segment, Flush::kWrite);
  }
}

void SegmentFlusher::on_file_complete(std::uint64_t file) {
  // What became durable last may still grow: the newest complete file is left to the next call.
  for (auto& [number, needed] : needed_) {
    if (number >= file) break;
    for (const SegmentPtr& segment : std::exchange(needed.to_flush, {})) {
      const bool still = !segment->log_marks.empty() && segment->log_marks.front().file <= number;
      if (still) want(segment, Flush::kSync);
    }
  }
  release();
}

void SegmentFlusher::want(const SegmentPtr& segment, Flush what) {
  segment->flush_wanted = std::max(segment->flush_wanted, what);
  enqueue(segment);
  run();
}

void SegmentFlusher::enqueue(const SegmentPtr& segment) {
  if (segment->flush_running != Flush::kNone || std::exchange(segment->flush_queued, true)) return;
  queue_.push_back(segment);
}

void SegmentFlusher::run() {
  while (in_flight_ < limits::kSegmentFlushesInFlight && !queue_.empty()) {
    const SegmentPtr segment = std::move(queue_.front());
    queue_.pop_front();
    segment->flush_queued = false;
    segment->flush_running = std::exchange(segment->flush_wanted, Flush::kNone);
    segment->flush_goal = segment->durable().position;
    if (segment->flush_running == Flush::kNone) continue;
    ++in_flight_;
    step(segment);
  }
}

/// Writes until the goal is reached, then syncs if that was wanted.
void SegmentFlusher::step(const SegmentPtr& segment) {
  if (segment->written().position < segment->flush_goal) {
    segment->write_some([this, segment](Result<std::uint64_t> written) {
      if (segment->forgotten) return finish(segment, {});
      if (!written) return finish(segment, fail(written.error()));
      WALRUS_ASSERT(*written <= unwritten_bytes_);
      unwritten_bytes_ -= *written;
      trouble_ = {};
      step(segment);
    });
    return;
  }
  if (segment->flush_running == Flush::kWrite) return finish(segment, {});
  segment->sync([this, segment](Status status) { synced(segment, std::move(status)); });
}

void SegmentFlusher::synced(const SegmentPtr& segment, Status status) {
  if (segment->forgotten) return finish(segment, {});
  // For a sync, want of space is no better than any other failure: what was to be written may be gone.
  if (!status) return finish(segment, fail(ErrorCode::kIo, status.error().message()));
  drop_marks(*segment, segment->synced().position);
  if (!segment->wants_footer()) return finish(segment, {});
  segment->write_footer([this, segment](Status footer) { finish(segment, std::move(footer)); });
}

void SegmentFlusher::finish(const SegmentPtr& segment, Status status) {
  const Flush was = std::exchange(segment->flush_running, Flush::kNone);
  WALRUS_ASSERT(in_flight_ > 0);
  --in_flight_;
  if (!status) {
    if (flush_result_) flush_result_ = status;
    if (status.error().code == ErrorCode::kDiskFull) {
      if (trouble_) log::error("segment files: {}; trying again when there is more to write", status.error().message());
      trouble_ = status;
      next_attempt_ = home_->loop.now() + limits::kStorageRetryInterval;
      segment->flush_wanted = std::max(segment->flush_wanted, was);
      stalled_.push_back(segment);
    } else {
      segment->flush_wanted = Flush::kNone;
      segment->poison(status.error());
      segment->notify();
    }
  } else if (segment->flush_wanted != Flush::kNone) {
    enqueue(segment);
  }
  release();
  run();
  answer_flush_all();
}

void SegmentFlusher::drop_marks(LocalSegment& segment, std::uint64_t up_to) {
  auto& marks = segment.log_marks;
  const auto kept = std::ranges::find_if(marks, [&](const LocalSegment::LogMark& mark) { return mark.end > up_to; });
  for (auto mark = marks.begin(); mark != kept; ++mark) --needed_.at(mark->file).segments;
  marks.erase(marks.begin(), kept);
}

void SegmentFlusher::forget(const SegmentPtr& segment) {
  drop_marks(*segment, std::numeric_limits<std::uint64_t>::max());
  unwritten_bytes_ -= segment->unwritten();
  segment->forgotten = true;
  segment->flush_wanted = Flush::kNone;
  std::erase(stalled_, segment);
  release();
}

void SegmentFlusher::release() {
  const std::uint64_t open = log_.first_open_file();
  bool more = false;
  while (!needed_.empty() && needed_.begin()->first < open && needed_.begin()->second.segments == 0) {
    needed_.erase(needed_.begin());
    more = true;
  }
  if (!more) return;
  // The names of new segment files must be durable before the log forgets what is in them.
  if (const Status status = home_->files.sync_directories(); !status) {
    log::error("segment files: {}; the log keeps its files", status.error().message());
    return;
  }
  log_.release_below(first_needed_file());
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
  if (unwritten_bytes_ <= limits::kMaxUnwrittenStalledBytes) return {};
  if (!trouble_) return trouble_;
  return fail(ErrorCode::kOverloaded, "segment files: too much waits to be written");
}

void SegmentFlusher::try_again() {
  if (home_->loop.now() < next_attempt_) return;
  for (const SegmentPtr& segment : std::exchange(stalled_, {})) enqueue(segment);
  run();
}

void SegmentFlusher::flush_all(io::Done done) {
  when_flushed_.push_back(std::move(done));
  flush_result_ = {};
  for (auto& [number, needed] : needed_) {
    for (const SegmentPtr& segment : std::exchange(needed.to_flush, {})) {
      if (!segment->log_marks.empty()) want(segment, Flush::kSync);
    }
  }
  for (const SegmentPtr& segment : std::exchange(stalled_, {})) enqueue(segment);
  run();
  answer_flush_all();
}

void SegmentFlusher::answer_flush_all() {
  if (when_flushed_.empty() || in_flight_ > 0 || !queue_.empty()) return;
  for (io::Done& done : std::exchange(when_flushed_, {})) done(flush_result_);
}

}  // namespace walrus::storage
