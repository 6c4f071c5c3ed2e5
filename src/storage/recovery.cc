#include "storage/recovery.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "storage/layout.h"

namespace walrus::storage {
namespace {

// Batches of one segment are gathered into larger writes; this bounds all of them together.
constexpr std::size_t kMostGathered = 64 * limits::kMiB;

}  // namespace

LogRecovery::LogRecovery(io::Disk& disk, const std::string& directory, std::uint64_t shard, NodePromises& promises,
                         RecoveryReport& report)
    : disk_(disk),
      directory_(directory),
      wal_directory_(layout::wal_directory(directory, shard)),
      shard_(shard),
      promises_(promises),
      report_(report) {}

Status LogRecovery::run() {
  WALRUS_ASSIGN(wal::Survey survey, wal::survey(disk_, wal_directory_));
  std::ranges::copy(survey.damage, std::back_inserter(report_.damage));
  const wal::Plan plan = wal::plan(survey);
  const bool empty = survey.groups.empty() && survey.damage.empty();
  if (!empty) WALRUS_TRY(replay_log(survey, plan));
  if (survey.checkpoint.unsynced) WALRUS_TRY(cut_unsynced());
  WALRUS_TRY(promises_.save());
  WALRUS_TRY(promises_.drop_shard(shard_));
  if (empty && !survey.checkpoint.unsynced) return {};
  const wal::Checkpoint checkpoint{.log_id = survey.checkpoint.log_id,
                                   .first_file = plan.next_file,
                                   .first_group = plan.next_group,
                                   .unsynced = false};
  return disk_.replace_file(layout::wal_checkpoint(wal_directory_), wal::encode_checkpoint(checkpoint));
}

Status LogRecovery::replay_log(const wal::Survey& survey, const wal::Plan& plan) {
  std::set<std::size_t> files;
  for (const wal::GroupPlace& place : plan.replay) {
    files.insert(place.file_index);
    report_.log_bytes += place.header.size();
  }
  report_.log_files += files.size();
  report_.torn_bytes_cut += plan.torn_bytes;
  for (const wal::Damage& damage : plan.damage) {
    report_.damage.push_back(fmt::format("{} at {}: groups {} to {} of the log are gone although they were durable",
                                         damage.path.empty() ? wal_directory_ : damage.path, damage.position,
                                         damage.first_group, damage.last_group));
  }

  const bool lost_groups = !plan.damage.empty();
  WALRUS_TRY(wal::replay(disk_, survey, plan, [&](const wal::EntryView& entry) { return take(entry, lost_groups); }));
  for (const auto& [key, why] : refused_) report_.damage.push_back(why + "; nothing more of this segment is replayed");
  WALRUS_TRY(finish_segments(lost_groups, survey.checkpoint.unsynced));
  if (lost_groups) {
    WALRUS_TRY(suspect_untouched());
    const auto holds_promises = [](const wal::GroupPlace& place) {
      return (place.header.flags & wal::kFlagPromises) != 0;
    };
    if (promises_.any() || std::ranges::any_of(survey.groups, holds_promises)) promises_.lose();
  }
  return lost_groups || !refused_.empty() ? quarantine(survey) : Status();
}

Status LogRecovery::take(const wal::EntryView& entry, bool lost_groups) {
  const SegmentKey key = entry.header.key;
  promises_.note(key);
  if (entry.header.kind == wal::EntryKind::kPromise) {
    promises_.promise(key, Epoch(entry.header.position));
    return {};
  }
  return take_for_file(entry, lost_groups);
}

Status LogRecovery::take_for_file(const wal::EntryView& entry, bool lost_groups) {
  const SegmentKey key = entry.header.key;
  const auto [found, added] = segments_.try_emplace(key, disk_, directory_, key, entry.header.base);
  SegmentReplay& segment = found->second;
  gathered_ -= segment.gathered();
  if (entry.header.kind == wal::EntryKind::kRemove) {
    promises_.remove(key);
    if (entry.header.position != 0) promises_.promise(key, Epoch(entry.header.position));
    WALRUS_TRY(segment.remove());
    segments_.erase(found);
    refused_.erase(key);
    return note_changed(key.topic);
  }
  if (entry.header.kind == wal::EntryKind::kTruncate) {
    WALRUS_ASSIGN(const bool cut, segment.truncate(entry.header.position, lost_groups));
    if (cut) refused_.erase(key);
    return {};
  }
  if (refused_.contains(key)) return {};
  if (const Status added_to = segment.add(entry.header.position, entry.batch, lost_groups); !added_to) {
    if (added_to.error().code != ErrorCode::kCorrupt) return added_to;
    refused_[key] = added_to.error().detail;
  }
  gathered_ += segment.gathered();
  ++report_.batches_replayed;
  return limit_memory();
}

Status LogRecovery::note_changed(TopicId topic) {
  std::string directory = layout::topic_directory(directory_, topic);
  WALRUS_ASSIGN(const bool there, disk_.exists(directory));
  if (there) changed_directories_.insert(std::move(directory));
  return {};
}

Status LogRecovery::limit_memory() {
  if (gathered_ <= kMostGathered) return {};
  for (auto& [key, segment] : segments_) WALRUS_TRY(segment.write_gathered());
  gathered_ = 0;
  return {};
}

Status LogRecovery::finish_segments(bool lost_groups, bool unsynced) {
  for (auto& [key, segment] : segments_) {
    if (segment.orphaned()) {
      log::info("recovery: topic {} segment {} was removed, its rest in the log is dropped", key.topic, key.segment);
      continue;
    }
    WALRUS_TRY(segment.finish(lost_groups || refused_.contains(key), unsynced, report_));
    WALRUS_TRY(note_changed(key.topic));
  }
  for (const std::string& directory : changed_directories_) WALRUS_TRY(disk_.sync_directory(directory));
  if (changed_directories_.empty()) return {};
  WALRUS_TRY(disk_.sync_directory(layout::topics_directory(directory_)));
  return disk_.sync_directory(directory_);
}

/// Segments that the log says nothing of any more may have been written to, and not synced.
Status LogRecovery::cut_unsynced() {
  WALRUS_ASSIGN(const auto keys, list_segments(disk_, directory_));
  for (const SegmentKey key : keys) {
    if (segments_.contains(key)) continue;
    WALRUS_TRY(SegmentReplay(disk_, directory_, key, Offset()).cut_unsynced(report_));
  }
  return {};
}

/// What the log says nothing of may have been in the groups that it has lost.
Status LogRecovery::suspect_untouched() {
  WALRUS_ASSIGN(const auto keys, list_segments(disk_, directory_));
  for (const SegmentKey key : keys) {
    if (segments_.contains(key)) continue;
    WALRUS_TRY(SegmentReplay(disk_, directory_, key, Offset()).suspect_loss(report_));
  }
  return {};
}

/// The log's files are evidence: they are moved away, and the log goes on with new ones.
Status LogRecovery::quarantine(const wal::Survey& survey) {
  const std::string directory = layout::quarantine_directory(directory_);
  WALRUS_TRY(disk_.make_directories(directory));
  for (const wal::Survey::File& file : survey.files) {
    if (file.number == 0) continue;
    const std::string to = fmt::format("{}/shard_{}-file_{}.wal", directory, shard_, file.number);
    WALRUS_TRY(disk_.rename(file.path, to));
    report_.damage.push_back(fmt::format("{}: kept as {}", file.path, to));
  }
  WALRUS_TRY(disk_.sync_directory(directory));
  return disk_.sync_directory(wal_directory_);
}

Result<RecoveryReport> recover(io::Disk& disk, const std::string& directory) {
  RecoveryReport report;
  WALRUS_ASSIGN(const bool there, disk.exists(directory));
  if (!there) return report;
  NodePromises promises(disk, directory, report);
  WALRUS_TRY(promises.load());
  WALRUS_ASSIGN(const auto names, disk.list(directory));
  for (const std::string& name : names) {
    const auto shard = layout::parse_shard(name);
    if (!shard) continue;
    WALRUS_ASSIGN(const bool has_log, disk.exists(layout::wal_directory(directory, *shard)));
    if (has_log) WALRUS_TRY(LogRecovery(disk, directory, *shard, promises, report).run());
  }
  WALRUS_TRY(promises.save());
  for (const std::string& damage : report.damage) log::error("recovery: {}", damage);
  return report;
}

}  // namespace walrus::storage
