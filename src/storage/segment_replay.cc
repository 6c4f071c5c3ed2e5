#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "storage/layout.h"
#include "storage/recovery.h"
#include "storage/segment_index.h"
#include "storage/segment_scan.h"

namespace walrus::storage {
namespace {

constexpr std::size_t kGatherBytes = 256 * limits::kKiB;
constexpr std::size_t kMostQuarantined = 64 * limits::kMiB;
constexpr std::uint64_t kLargestHole = limits::kWalMaxLiveFiles * limits::kWalFileBytes;

Status remove_if_there(io::Disk& disk, const std::string& path) {
  const Status removed = disk.remove(path);
  if (!removed && removed.error().code == ErrorCode::kNotFound) return {};
  return removed;
}

}  // namespace

SegmentReplay::SegmentReplay(io::Disk& disk, const std::string& directory, SegmentKey key, Offset base)
    : disk_(disk), directory_(directory), key_(key), base_(base), log_path_(layout::segment_log(directory, key)) {}

Status SegmentReplay::look(std::uint64_t position, bool lost_groups) {
  if (std::exchange(looked_, true)) return {};
  auto file = disk_.open(log_path_, {.mode = io::OpenOptions::Mode::kRead}, nullptr);
  if (!file && file.error().code != ErrorCode::kNotFound) return fail(file.error());
  size_ = 0;
  if (file) {
    WALRUS_ASSIGN(size_, (*file)->size());
  }
  // The beginning is neither in a file nor in the log: the segment was removed after its first batches had been synced.
  orphaned_ = size_ == 0 && position > 0 && !lost_groups;
  return {};
}

Status SegmentReplay::add(std::uint64_t position, std::string_view batch, bool lost_groups) {
  WALRUS_TRY(look(position, lost_groups));
  if (orphaned_) return {};
  if (position > size_ && (!lost_groups || position - size_ > kLargestHole)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: batch at {} where the file ends at {}", log_path_, position, size_));
  }
  if (gathered_at_ + gathered_.size() != position || gathered_.size() + batch.size() > kGatherBytes) {
    WALRUS_TRY(write_gathered());
    gathered_at_ = position;
  }
  gathered_.append(batch);
  first_ = replayed_ ? std::min(first_, position) : position;
  end_ = std::max(end_, position + batch.size());
  size_ = std::max(size_, end_);
  replayed_ = true;
  return {};
}

Status SegmentReplay::write_gathered() {
  if (gathered_.empty()) return {};
  WALRUS_TRY(disk_.make_directories(layout::topic_directory(directory_, key_.topic)));
  WALRUS_ASSIGN(auto file, disk_.open(log_path_, {.mode = io::OpenOptions::Mode::kCreate}, nullptr));
  // Also where the file seems to have it: after a failed sync, of the last process or of an earlier try, the page cache
  // does, the disk does not, and the next sync says that all is well.
  WALRUS_TRY(file->write(gathered_at_, gathered_));
  gathered_ = {};
  return {};
}

Result<bool> SegmentReplay::truncate(std::uint64_t position, bool lost_groups) {
  WALRUS_TRY(look(position, lost_groups));
  // An empty file may have been cut already; what is logged behind the cut is its whole content.
  if (position == 0) orphaned_ = false;
  if (orphaned_) return true;
  WALRUS_TRY(write_gathered());
  // Entries of the index must not outlive what they point to.
  WALRUS_TRY(remove_if_there(disk_, layout::segment_index(directory_, key_)));
  truncated_ = true;
  if (position > size_) return false;
  if (size_ == 0) return true;
  WALRUS_ASSIGN(auto log, disk_.open(log_path_, {.mode = io::OpenOptions::Mode::kReadWrite}, nullptr));
  WALRUS_TRY(log->truncate(position));
  size_ = position;
  end_ = std::min(end_, position);
  first_ = replayed_ ? std::min(first_, position) : position;
  replayed_ = true;
  return true;
}

Status SegmentReplay::remove() {
  gathered_ = {};
  replayed_ = looked_ = orphaned_ = truncated_ = false;
  size_ = end_ = 0;
  WALRUS_TRY(remove_if_there(disk_, log_path_));
  WALRUS_TRY(remove_if_there(disk_, layout::segment_index(directory_, key_)));
  return remove_if_there(disk_, layout::segment_suspect(directory_, key_));
}

Status SegmentReplay::finish(bool lost_groups, bool unsynced, RecoveryReport& report) {
  if (!replayed_) return {};
  WALRUS_TRY(write_gathered());
  WALRUS_ASSIGN(auto log, disk_.open(log_path_, {.mode = io::OpenOptions::Mode::kReadWrite}, nullptr));
  WALRUS_ASSIGN(const std::uint64_t size, log->size());

  SegmentIndex index(key_, base_, limits::kIndexIntervalBytes);
  const std::string index_path = layout::segment_index(directory_, key_);
  std::optional<IndexFooter> footer;
  if (auto bytes = disk_.read_file(index_path)) footer = index.decode(*bytes);
  const bool complete = footer && footer->bytes == size;
  index.cut(first_ + 1);
  const IndexEntry start = index.last_before(first_);
  WALRUS_ASSIGN(ScanEnd scan,
                scan_batches(*log, {start.offset, start.position}, size,
                             [&](const BatchHeader& batch, std::uint64_t position) { index.note(batch, position); }));
  if (!scan.trouble.empty()) {
    const bool small = size - scan.end.position <= kMostQuarantined;
    if (scan.end.position >= end_ && unsynced) {
      report.torn_bytes_cut += size - scan.end.position;
      WALRUS_TRY(log->truncate(scan.end.position));
    } else if (scan.end.position >= end_ && !lost_groups && small) {
      WALRUS_TRY(cut_tail(*log, scan.end.position, size, report));
    } else {
      WALRUS_TRY(walk_damage(*log, scan, size, report));
    }
  } else if (lost_groups && !complete) {
    WALRUS_TRY(mark_suspect(fmt::format("{}, from offset {}: the log has lost groups that may have held more of it",
                                        log_path_, scan.end.offset),
                            report));
  }
  WALRUS_TRY(log->sync());
  if (complete) return {};
  WALRUS_ASSIGN(auto index_file, disk_.open(index_path, {.mode = io::OpenOptions::Mode::kCreate}, nullptr));
  WALRUS_TRY(index_file->truncate(0));
  WALRUS_TRY(index_file->write(0, index.encode_header() + index.encode_entries(0, index.entries().size())));
  return truncated_ ? index_file->sync() : Status();
}

Status SegmentReplay::cut_unsynced(RecoveryReport& report) {
  WALRUS_ASSIGN(auto log, disk_.open(log_path_, {.mode = io::OpenOptions::Mode::kReadWrite}, nullptr));
  WALRUS_ASSIGN(const std::uint64_t size, log->size());
  WALRUS_ASSIGN(const Offset base, first_offset(*log));
  SegmentIndex index(key_, base, limits::kIndexIntervalBytes);
  if (auto bytes = disk_.read_file(layout::segment_index(directory_, key_))) {
    const auto footer = index.decode(*bytes);
    if (footer && footer->bytes == size) return {};
  }
  // The index names only what was synced.
  const IndexEntry last = index.last_before(size);
  WALRUS_ASSIGN(const ScanEnd scan, scan_batches(*log, {last.offset, last.position}, size, {}));
  if (!scan.trouble.empty()) {
    report.torn_bytes_cut += size - scan.end.position;
    WALRUS_TRY(log->truncate(scan.end.position));
  }
  return log->sync();
}

Status SegmentReplay::suspect_loss(RecoveryReport& report) {
  WALRUS_ASSIGN(auto log, disk_.open(log_path_, {.mode = io::OpenOptions::Mode::kRead}, nullptr));
  WALRUS_ASSIGN(const std::uint64_t size, log->size());
  WALRUS_ASSIGN(const Offset base, first_offset(*log));
  WALRUS_ASSIGN(const bool marked, disk_.exists(layout::segment_suspect(directory_, key_)));
  if (marked) return {};
  if (auto bytes = disk_.read_file(layout::segment_index(directory_, key_))) {
    const auto footer = SegmentIndex(key_, base, limits::kIndexIntervalBytes).decode(*bytes);
    if (footer && footer->bytes == size) return {};
  }
  return mark_suspect(fmt::format("{}: the log has lost groups that may have held more of it", log_path_), report);
}

/// What stands behind the last batch and is none was never acknowledged: a record that was would be in the log.
Status SegmentReplay::cut_tail(io::File& log, std::uint64_t from, std::uint64_t size, RecoveryReport& report) {
  std::string bytes(static_cast<std::size_t>(size - from), '\0');
  WALRUS_ASSIGN(const std::size_t read, log.read(from, bytes.data(), bytes.size()));
  bytes.resize(read);
  if (bytes.find_first_not_of('\0') != std::string::npos) {
    const std::string directory = layout::quarantine_directory(directory_);
    const std::string name = fmt::format("{}/topic_{}-segment_{}-at_{}", directory, key_.topic, key_.segment, from);
    WALRUS_TRY(disk_.make_directories(directory));
    WALRUS_TRY(disk_.replace_file(name, bytes));
    report.damage.push_back(
        fmt::format("{} at {}: {} bytes that are no batch, moved to {}", log_path_, from, bytes.size(), name));
  }
  report.torn_bytes_cut += bytes.size();
  return log.truncate(from);
}

/// Lists every damaged stretch from where the walk has stopped to the end of the file.
Status SegmentReplay::walk_damage(io::File& log, ScanEnd scan, std::uint64_t size, RecoveryReport& report) {
  std::string why;
  while (!scan.trouble.empty()) {
    const SegmentPlace damaged = scan.end;
    WALRUS_ASSIGN(const auto next, find_batch_behind(log, damaged, size));
    why += fmt::format("{}{} at {} to {}, offsets {} to {}: {}", why.empty() ? "" : "; ", log_path_, damaged.position,
                       next ? next->position : size, damaged.offset,
                       next ? fmt::format("{}", next->offset) : std::string("the end"), scan.trouble);
    if (!next) break;
    WALRUS_ASSIGN(scan, scan_batches(log, *next, size, {}));
  }
  return mark_suspect(why, report);
}

Status SegmentReplay::mark_suspect(const std::string& why, RecoveryReport& report) {
  report.damage.push_back(why + "; the segment is marked suspect and left as it is");
  return disk_.replace_file(layout::segment_suspect(directory_, key_), why);
}

}  // namespace walrus::storage
