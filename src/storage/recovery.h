// The parts of recover() (shard_store.h). One LogRecovery empties one shard's log; a SegmentReplay brings one segment
// file up to what the log says.
//
// Happy path: the log's groups are read in order; each batch is written to its segment file at the position that the
// entry names. Then each file that was touched is walked from the last index entry before the first batch replayed, its
// index is completed, it is synced; the promises go to the node's file; at last a new checkpoint says that the log is
// empty. Until that is durable nothing that was done changes what a second run would do: it may be killed anywhere.
//
// What it finds, and does:
//   the log's torn tail             cut; counted in torn_bytes_cut
//   the end of a segment that was not synced, when the log was written with a weaker policy (sync_policy.h)
//                                   cut at the first batch that is not whole; counted in torn_bytes_cut
//   groups missing that were durable, in the log
//                                   reported, the files of the log go to quarantine/; open segments, which may have
//                                   lost records, are marked suspect, and promises count as lost
//   a hole or rot in a segment      reported with file, position and offsets; the segment is marked suspect, not
//                                   shortened
//   bytes behind a segment's end that are no batch
//                                   moved to quarantine/ (zeros are just cut)
//   entries of a segment whose file is gone
//                                   dropped, it was removed
//   promises that cannot be read    reported, moved to quarantine/; they count as lost (promise_table.h)
//
// Blocking; any one thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/file.h"
#include "storage/node_promises.h"
#include "storage/segment_scan.h"
#include "storage/shard_store.h"
#include "storage/wal_reader.h"

namespace walrus::storage {

class SegmentReplay {
 public:
  SegmentReplay(io::Disk& disk, const std::string& directory, SegmentKey key, Offset base);

  /// Takes a batch that belongs at `position`; writes when enough of them are gathered. kCorrupt when it cannot belong
  /// there: only lost groups of the log explain a hole, and no larger one than the log can have held.
  Status add(std::uint64_t position, std::string_view batch, bool lost_groups);
  Status write_gathered();
  /// Drops what lies at or behind `position`. False when the file does not reach that far: a hole is not explained by
  /// the cut.
  Result<bool> truncate(std::uint64_t position, bool lost_groups);
  std::size_t gathered() const { return gathered_.size(); }
  /// Deletes the files: the log says that the segment was removed here.
  Status remove();
  /// Walks, indexes and syncs the file. `lost_groups`: the log has lost groups that may have held more of it.
  /// `unsynced`: what lies behind the last batch replayed was perhaps written and not synced; it is no damage.
  Status finish(bool lost_groups, bool unsynced, RecoveryReport& report);
  /// The same for a file that the log says nothing of.
  Status cut_unsynced(RecoveryReport& report);
  /// For a file that the log says nothing of: unless it is sealed and whole, the lost groups may have held more of it.
  Status suspect_loss(RecoveryReport& report);
  /// Entries came, but the file is gone: nothing is written.
  bool orphaned() const { return orphaned_; }

 private:
  Status look(std::uint64_t position, bool lost_groups);
  Status mark_suspect(const std::string& why, RecoveryReport& report);
  Status cut_tail(io::File& log, std::uint64_t from, std::uint64_t size, RecoveryReport& report);
  Status walk_damage(io::File& log, ScanEnd scan, std::uint64_t size, RecoveryReport& report);

  io::Disk& disk_;
  const std::string& directory_;
  const SegmentKey key_;
  const Offset base_;
  const std::string log_path_;

  bool looked_ = false;
  bool orphaned_ = false;
  std::uint64_t size_ = 0;   // of the file, gathered batches included
  std::uint64_t first_ = 0;  // lowest position replayed
  std::uint64_t end_ = 0;    // highest position replayed, behind it
  bool replayed_ = false;
  bool truncated_ = false;
  std::uint64_t gathered_at_ = 0;
  std::string gathered_;
};

class LogRecovery {
 public:
  LogRecovery(io::Disk& disk, const std::string& directory, std::uint64_t shard, NodePromises& promises,
              RecoveryReport& report);
  Status run();

 private:
  Status replay_log(const wal::Survey& survey, const wal::Plan& plan);
  Status take(const wal::EntryView& entry, bool lost_groups);
  Status take_for_file(const wal::EntryView& entry, bool lost_groups);
  Status note_changed(TopicId topic);
  Status limit_memory();
  Status finish_segments(bool lost_groups, bool unsynced);
  Status cut_unsynced();
  Status suspect_untouched();
  Status quarantine(const wal::Survey& survey);

  io::Disk& disk_;
  const std::string& directory_;
  const std::string wal_directory_;
  const std::uint64_t shard_;
  NodePromises& promises_;
  RecoveryReport& report_;
  std::map<SegmentKey, SegmentReplay> segments_;
  // Why nothing more of a segment is replayed; forgotten when the log goes on to say that the segment was removed or
  // cut, which also explains it: the file is then already that of the refill, or was cut before.
  std::map<SegmentKey, std::string> refused_;
  std::set<std::string> changed_directories_;
  std::size_t gathered_ = 0;
};

}  // namespace walrus::storage
