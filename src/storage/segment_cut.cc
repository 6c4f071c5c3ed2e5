// Cutting the end off a segment. The log comes first: what is gone must not come back, and what the log still holds of
// it must not be left without its beginning. So truncate() takes effect at once for the segment's callers, the log
// makes it durable, and only then the file is cut, between two writes, when no sync is under way.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "storage/content_hash.h"
#include "storage/layout.h"
#include "storage/local_segment.h"
#include "storage/segment_flusher.h"

namespace walrus::storage {

Result<SegmentFile::Cut> SegmentFile::find_end(Offset end) {
  WALRUS_TRY(load_index_now());
  const IndexEntry entry = index_.find(end);
  Cut cut{.place = {entry.offset, entry.position}, .hash = entry.hash, .latest_ms = entry.max_timestamp_ms};
  WALRUS_ASSIGN(const auto log, home_->files.open(log_path_));
  const std::uint64_t limit = std::min(index_.position_behind(end), written_.position);
  WALRUS_ASSIGN(const ScanEnd scan,
                scan_batches(*log, cut.place, limit, [&cut, end](const BatchHeader& batch, std::uint64_t position) {
                  if (cut.place.offset >= end) return;
                  cut = {.place = {batch.end_offset(), position + batch.size},
                         .hash = extend_hash(cut.hash, batch),
                         .latest_ms = std::max(cut.latest_ms, batch.max_timestamp_ms)};
                }));
  if (cut.place.offset == end) return cut;
  if (!scan.trouble.empty()) return fail(ErrorCode::kCorrupt, position_text(scan.end.position) + ": " + scan.trouble);
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: no batch ends with offset {}", log_path_, end));
}

Status SegmentFile::cut(SegmentPlace to) {
  WALRUS_ASSERT(!appending_);
  if (!poison_ || to.position >= written_.position) return poison_;
  Status status = cut_files(to);
  if (!status) poison_ = status;
  return status;
}

/// The index goes first: no entry may outlive what it points to.
Status SegmentFile::cut_files(SegmentPlace to) {
  WALRUS_TRY(load_index_now());
  home_->files.forget(index_path_);
  if (const Status removed = home_->disk.remove(index_path_); removed) {
    home_->files.needs_sync(layout::topic_directory(home_->directory, key_.topic));
  } else if (removed.error().code != ErrorCode::kNotFound) {
    return removed;
  }
  index_saved_ = 0;
  index_file_bytes_ = 0;
  WALRUS_ASSIGN(dirty_, home_->files.open(log_path_));
  WALRUS_TRY(dirty_->truncate(to.position));
  written_ = to;
  synced_ = {base_, 0};
  cut_unsynced_ = true;
  recent_ = {};
  index_.cut(to.position);
  const IndexEntry last = index_.last_before(to.position);
  const auto note = [this](const BatchHeader& batch, std::uint64_t position) { index_.note(batch, position); };
  WALRUS_ASSIGN(const ScanEnd scan, scan_batches(*dirty_, {last.offset, last.position}, to.position, note));
  if (!scan.trouble.empty()) return fail(ErrorCode::kCorrupt, position_text(scan.end.position) + ": " + scan.trouble);
  return {};
}

void LocalSegment::truncate(Offset end, io::Done done) {
  if (closed_) return done(fail(*closed_));
  if (!status_) return done(status_);
  if (end < base_ || end > end_.offset) {
    return done(fail(ErrorCode::kOffsetOutOfRange,
                     fmt::format("truncate to {}, segment has {} to {}", end, base_, end_.offset)));
  }
  const auto cut = find_end(end);
  if (!cut) return done(fail(cut.error()));
  const Status logged =
      log_.append({shared_from_this(), wal::EntryKind::kTruncate, key_, base_, cut->place.position, SharedBytes()});
  if (!logged) return done(logged);
  answers_.push_back(std::move(done));
  drop_behind(*cut);
}

Result<SegmentFile::Cut> LocalSegment::find_end(Offset end) {
  if (end == end_.offset) return SegmentFile::Cut{end_, hash_, latest_ms_};
  if (end == base_) return SegmentFile::Cut{.place = {base_, 0}};
  if (end < written().offset) return file_->find_end(end);
  const auto batches = tail();
  const auto behind = std::ranges::find(batches, end, [](const TailBatch& batch) { return batch.place.offset; });
  if (behind != batches.end()) return SegmentFile::Cut{behind->place, behind->hash, behind->latest_ms};
  return fail(ErrorCode::kInvalidArgument, fmt::format("no batch ends with offset {}", end));
}

void LocalSegment::drop_behind(const SegmentFile::Cut& cut) {
  const std::uint64_t unwritten_before = unwritten();
  const std::uint64_t position = cut.place.position;
  cuts_in_log_.push_back(position);
  if (!cut_ || position < cut_->position) cut_ = cut.place;
  while (!tail().empty() && tail_.back().place.position >= position) tail_.pop_back();
  end_ = cut.place;
  hash_ = cut.hash;
  latest_ms_ = cut.latest_ms;
  if (position < durable_.position) durable_ = cut.place;
  counted_ = std::min(counted_, cut.place.offset);
  write_goal = std::min(write_goal, position);
  sync_goal = std::min(sync_goal, position);
  sealed_ = footer_written_ = false;
  flusher_.no_longer_unwritten(unwritten_before - unwritten());
}

void LocalSegment::on_truncated() {
  WALRUS_ASSERT(!cuts_in_log_.empty());
  const std::uint64_t position = cuts_in_log_.front();
  cuts_in_log_.erase(cuts_in_log_.begin());
  for (LogMark& mark : log_marks) mark.end = std::min(mark.end, position);
}

/// Appended before the cut, durable behind it: gone all the same.
bool LocalSegment::was_cut(std::uint64_t position) const {
  return std::ranges::any_of(cuts_in_log_, [position](std::uint64_t cut) { return position >= cut; });
}

Status LocalSegment::cut_file() {
  WALRUS_ASSERT(cut_due());
  const SegmentPlace to = *std::exchange(cut_, std::nullopt);
  return file_->cut(to);
}

}  // namespace walrus::storage
