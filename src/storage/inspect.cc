#include "storage/inspect.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/limits.h"
#include "storage/layout.h"
#include "storage/promise_table.h"
#include "storage/segment_index.h"
#include "storage/segment_scan.h"
#include "storage/shard_store.h"
#include "storage/wal_reader.h"

namespace walrus::storage {
namespace {

class Inspector {
 public:
  Inspector(io::Disk& disk, const std::string& directory, const InspectOptions& options)
      : disk_(disk), directory_(directory), options_(options) {}

  Result<Inspection> run() {
    WALRUS_ASSIGN(const auto names, disk_.list(directory_));
    WALRUS_TRY(read_promises(layout::node_promises(directory_)));
    for (const std::string& name : names) {
      if (const auto shard = layout::parse_shard(name)) {
        WALRUS_TRY(read_promises(layout::shard_promises(directory_, *shard)));
      }
    }
    for (const std::string& name : names) {
      if (const auto shard = layout::parse_shard(name)) WALRUS_TRY(inspect_log(*shard));
    }
    std::ranges::sort(result_.logs, {}, &LogInspection::shard);
    for (const auto& [key, epoch] : promises_.entries()) {
      if (epoch != Epoch()) result_.promises.promised[key] = epoch;
    }
    result_.promises.lost_through = promises_.lost_through();
    WALRUS_TRY(find_unknown());
    WALRUS_ASSIGN(const auto keys, list_segments(disk_, directory_));
    for (const SegmentKey key : keys) WALRUS_TRY(inspect_segment(key));
    if (auto quarantined = disk_.list(layout::quarantine_directory(directory_))) result_.quarantined = *quarantined;
    return std::move(result_);
  }

 private:
  Status read_promises(const std::string& path) {
    WALRUS_ASSIGN(const bool there, disk_.exists(path));
    if (!there) return {};
    WALRUS_ASSIGN(const std::string bytes, disk_.read_file(path));
    if (const auto table = PromiseTable::decode(bytes)) {
      promises_.merge(*table);
    } else {
      result_.promises.damage.push_back(path + ": " + table.error().detail);
    }
    return {};
  }

  /// The newest of them are in the logs only.
  Status take_promise(const wal::EntryView& entry) {
    const SegmentKey key = entry.header.key;
    const Epoch epoch(entry.header.position);
    if (entry.header.kind == wal::EntryKind::kRemove) promises_.remove(key);
    const bool promise = entry.header.kind == wal::EntryKind::kPromise;
    if (promise || (entry.header.kind == wal::EntryKind::kRemove && epoch != Epoch())) promises_.promise(key, epoch);
    return {};
  }

  Status inspect_log(std::uint64_t shard) {
    LogInspection log{.shard = shard, .damage = {}};
    const std::string directory = layout::wal_directory(directory_, shard);
    WALRUS_ASSIGN(const bool there, disk_.exists(directory));
    if (!there) return {};
    WALRUS_ASSIGN(const auto names, disk_.list(directory));
    for (const std::string& name : names) {
      if (!layout::parse_slot(name)) continue;
      ++log.files;
      WALRUS_ASSIGN(auto file, disk_.open(directory + "/" + name, {.mode = io::OpenOptions::Mode::kRead}, nullptr));
      WALRUS_ASSIGN(const std::uint64_t size, file->size());
      log.bytes += size;
    }
    WALRUS_ASSIGN(const wal::Survey survey, wal::survey(disk_, directory));
    const wal::Plan plan = wal::plan(survey);
    log.groups = plan.replay.size();
    for (const wal::GroupPlace& place : plan.replay) log.batches += place.header.entries;
    log.torn_bytes = plan.torn_bytes;
    log.damage = survey.damage;
    for (const wal::Damage& damage : plan.damage) {
      log.damage.push_back(fmt::format("{} at {}: groups {} to {} are gone although they were durable",
                                       damage.path.empty() ? directory : damage.path, damage.position,
                                       damage.first_group, damage.last_group));
    }
    result_.logs.push_back(std::move(log));
    return wal::replay(disk_, survey, plan, [this](const wal::EntryView& entry) { return take_promise(entry); });
  }

  Status find_unknown() {
    const std::string root = layout::topics_directory(directory_);
    const auto topics = disk_.list(root);
    if (!topics) return topics.error().code == ErrorCode::kNotFound ? Status() : fail(topics.error());
    for (const std::string& topic : *topics) {
      const auto names = disk_.list(root + "/" + topic);
      if (!layout::parse_topic(topic) || !names) {
        result_.unknown.push_back(root + "/" + topic);
        continue;
      }
      for (const std::string& name : *names) {
        const std::string stem = name.substr(0, name.rfind('.'));
        const bool ours = (name == stem + ".log" || name == stem + ".idx" || name == stem + ".suspect") &&
                          layout::parse_segment(stem + ".log");
        if (!ours) result_.unknown.push_back(root + "/" + topic + "/" + name);
      }
    }
    return {};
  }

  Status inspect_segment(SegmentKey key) {
    SegmentInspection segment{.key = key, .base = {}, .end = {}, .suspect = {}, .damage = {}};
    const std::string path = layout::segment_log(directory_, key);
    WALRUS_ASSIGN(auto log, disk_.open(path, {.mode = io::OpenOptions::Mode::kRead}, nullptr));
    WALRUS_ASSIGN(segment.bytes, log->size());
    WALRUS_ASSIGN(segment.base, first_offset(*log));
    segment.end = segment.base;
    if (auto suspect = disk_.read_file(layout::segment_suspect(directory_, key))) segment.suspect = *suspect;

    SegmentIndex index(key, segment.base, limits::kIndexIntervalBytes);
    SegmentPlace from{segment.base, 0};
    if (auto bytes = disk_.read_file(layout::segment_index(directory_, key))) {
      const auto footer = index.decode(*bytes);
      segment.sealed = footer && footer->bytes == segment.bytes;
      segment.index_entries = index.entries().size();
      if (segment.sealed && !options_.verify) {
        segment.end = footer->end;
        result_.segments.push_back(std::move(segment));
        return {};
      }
      const IndexEntry last = index.last_before(segment.bytes);
      if (!options_.verify) from = {last.offset, last.position};
    }
    WALRUS_TRY(walk(*log, path, from, segment));
    result_.segments.push_back(std::move(segment));
    return {};
  }

  /// Checks batches to the end of the file, stepping over damage.
  Status walk(io::File& log, const std::string& path, SegmentPlace from, SegmentInspection& segment) {
    const auto visit = [&](const BatchHeader& batch, std::uint64_t) {
      ++segment.batches_checked;
      result_.bytes_read += batch.size;
      if (options_.progress) options_.progress(result_.bytes_read);
    };
    while (true) {
      WALRUS_ASSIGN(const ScanEnd scan, scan_batches(log, from, segment.bytes, visit));
      segment.end = scan.end.offset;
      if (scan.trouble.empty()) break;
      WALRUS_ASSIGN(const auto next, find_batch_behind(log, scan.end, segment.bytes));
      segment.damage.push_back(fmt::format(
          "{} at {} to {}, offsets {} to {}: {}", path, scan.end.position, next ? next->position : segment.bytes,
          scan.end.offset, next ? fmt::format("{}", next->offset) : std::string("the end"), scan.trouble));
      if (!next) break;
      from = *next;
    }
    return {};
  }

  io::Disk& disk_;
  const std::string& directory_;
  const InspectOptions& options_;
  Inspection result_;
  PromiseTable promises_;
};

}  // namespace

bool Inspection::damaged() const {
  const auto has_damage = [](const auto& part) { return !part.damage.empty(); };
  return has_damage(promises) || std::ranges::any_of(logs, has_damage) || std::ranges::any_of(segments, has_damage) ||
         std::ranges::any_of(segments, [](const SegmentInspection& segment) { return !segment.suspect.empty(); });
}

Result<Inspection> inspect(io::Disk& disk, const std::string& directory, const InspectOptions& options) {
  return Inspector(disk, directory, options).run();
}

Result<std::string> list_batches(io::Disk& disk, const std::string& directory, SegmentKey key,
                                 const std::function<void(const BatchHeader& batch, std::uint64_t position)>& visit) {
  WALRUS_ASSIGN(auto log,
                disk.open(layout::segment_log(directory, key), {.mode = io::OpenOptions::Mode::kRead}, nullptr));
  WALRUS_ASSIGN(const std::uint64_t size, log->size());
  WALRUS_ASSIGN(const Offset base, first_offset(*log));
  WALRUS_ASSIGN(ScanEnd scan, scan_batches(*log, {base, 0}, size, visit));
  return std::move(scan.trouble);
}

}  // namespace walrus::storage
