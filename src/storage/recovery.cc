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

LogRecovery::LogRecovery(io::Disk& disk, const std::string& directory, std::uint64_t shard, RecoveryReport& report)
    : disk_(disk),
      directory_(directory),
      wal_directory_(layout::wal_directory(directory, shard)),
      shard_(shard),
      report_(report) {}

Status LogRecovery::run() {
  WALRUS_ASSIGN(wal::Survey survey, wal::survey(disk_, wal_directory_));
  std::ranges::copy(survey.damage, std::back_inserter(report_.damage));
  const wal::Plan plan = wal::plan(survey);
  if (survey.groups.empty() && survey.damage.empty()) return {};

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
  WALRUS_TRY(finish_segments(lost_groups));
  if (lost_groups || !refused_.empty()) WALRUS_TRY(quarantine(survey));
  const wal::Checkpoint checkpoint{survey.checkpoint.log_id, plan.next_file, plan.next_group};
  return disk_.replace_file(layout::wal_checkpoint(wal_directory_), wal::encode_checkpoint(checkpoint));
}

Status LogRecovery::take(const wal::EntryView& entry, bool lost_groups) {
  const auto [found, added] =
      segments_.try_emplace(entry.header.key, disk_, directory_, entry.header.key, entry.header.base);
  SegmentReplay& segment = found->second;
  gathered_ -= segment.gathered();
  if (entry.header.kind == wal::EntryKind::kRemove) {
    WALRUS_TRY(segment.remove());
    segments_.erase(found);
    refused_.erase(entry.header.key);
    WALRUS_TRY(note_changed(entry.header.key.topic));
    return {};
  }
  if (refused_.contains(entry.header.key)) return {};
  if (const Status added_to = segment.add(entry.header.position, entry.batch, lost_groups); !added_to) {
    if (added_to.error().code != ErrorCode::kCorrupt) return added_to;
    refused_[entry.header.key] = added_to.error().detail;
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

Status LogRecovery::finish_segments(bool lost_groups) {
  for (auto& [key, segment] : segments_) {
    if (segment.orphaned()) {
      log::info("recovery: topic {} segment {} was removed, its rest in the log is dropped", key.topic, key.segment);
      continue;
    }
    WALRUS_TRY(segment.finish(lost_groups || refused_.contains(key), report_));
    WALRUS_TRY(note_changed(key.topic));
  }
  for (const std::string& directory : changed_directories_) WALRUS_TRY(disk_.sync_directory(directory));
  if (changed_directories_.empty()) return {};
  WALRUS_TRY(disk_.sync_directory(layout::topics_directory(directory_)));
  return disk_.sync_directory(directory_);
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
  WALRUS_ASSIGN(const auto names, disk.list(directory));
  for (const std::string& name : names) {
    const auto shard = layout::parse_shard(name);
    if (!shard) continue;
    WALRUS_ASSIGN(const bool has_log, disk.exists(layout::wal_directory(directory, *shard)));
    if (has_log) WALRUS_TRY(LogRecovery(disk, directory, *shard, report).run());
  }
  for (const std::string& damage : report.damage) log::error("recovery: {}", damage);
  return report;
}

}  // namespace walrus::storage
