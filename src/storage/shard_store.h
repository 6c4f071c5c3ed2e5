// The storage engine of one shard: its write-ahead log and its segments. The contract that upper rooms use; the
// implementation is opened by open_shard_store().
//
// Layout (docs/format/): <dir>/shard_<k>/wal/*.wal and <dir>/topics/<topic-id>/<segment-id>.{log,idx}. Segment files of
// all shards lie in one tree, so that the number of shards may change between starts: recovery (recovery.h) replays the
// logs of all shards first and leaves them empty, then each shard opens the segments of its topics.
//
// Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/loop.h"
#include "storage/options.h"
#include "storage/segment.h"

namespace walrus::storage {

struct ShardStoreOptions {
  std::string directory;  ///< node directory (`<data-dir>/node_<id>`)
  std::uint32_t shard = 0;
  EngineOptions engine = {};
};

class ShardStore {
 public:
  virtual ~ShardStore() = default;

  /// Opens a segment that is there, or creates an empty one with this base offset. The same pointer on each call, valid
  /// until remove() or the end of the store. kConflict when it is open with another base offset; kCorrupt when its file
  /// begins with another one, or its undamaged part cannot be told (the file is left alone).
  virtual Result<Segment*> open_segment(SegmentKey key, Offset base) = 0;
  virtual Segment* find(SegmentKey key) = 0;
  /// Segment::promised() of a segment that need not be open.
  virtual Epoch promised(SegmentKey key) const = 0;
  /// Those that are open and whose file has failed (Segment::status()). The log is kept for them until they are
  /// removed, set aside, or replayed at the next start.
  virtual std::vector<SegmentKey> poisoned() const { return {}; }

  /// Deletes the files. For a tombstone that was applied here, never for tidiness.
  virtual Status remove(SegmentKey key) = 0;

  /// Every segment of the topic that this store has open, or that lies in the node's directory.
  virtual Result<std::vector<SegmentKey>> list(TopicId topic);
  /// What is left of a topic whose segments were all removed; durable when it returns. Again: no change.
  virtual Status remove_topic(TopicId /*topic*/) { return {}; }

  /// Takes a copy out of use that is not what it should be, because others have it whole: its files go to quarantine/
  /// for a person to look at, and open_segment() begins anew. What was promised stays promised. As after remove(), the
  /// pointer is not valid any more.
  virtual Status set_aside(SegmentKey key, Offset /*base*/) { return remove(key); }

  /// Deletes the files of a copy of which it was decided that it goes, while the segment lives on elsewhere: what was
  /// promised stays promised. As after remove(), the pointer is not valid any more.
  virtual Status discard(SegmentKey key) { return remove(key); }

  /// Group commit: true while a new log write could start at once. Callers that gather records into batches wait for
  /// this, so that what arrives during a write becomes one batch. `when_writable` runs its task once, when a write slot
  /// is free again (soon, if one is free now), on the loop.
  virtual bool writable() const = 0;
  virtual void when_writable(io::Task task) = 0;

  /// Writes and syncs everything to the segment files, and closes. No call may follow. Clean shutdown: the next start
  /// has nothing to replay. It always answers: on a full or failing disk with the error, and what was acknowledged is
  /// then still in the log.
  virtual void close(io::Done done) = 0;
};

struct RecoveryReport {
  std::uint64_t log_files = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t batches_replayed = 0;
  std::uint64_t torn_bytes_cut = 0;
  /// Something that held promises was damaged, now or at an earlier start: segments that may be concerned are opened as
  /// corrupt, unless they are sealed. A segment that was removed (ShardStore::remove) begins anew.
  bool promises_lost = false;
  std::vector<std::string> damage;  ///< one sentence each: file, position, offset range, what was done about it
};

/// Every segment that has a file, by topic and segment: for upper rooms that look for leftovers of a removal that a
/// crash has interrupted.
Result<std::vector<SegmentKey>> list_segments(io::Disk& disk, const std::string& directory);

/// Replays the write-ahead logs of every shard directory under `directory` into the segment files, syncs those, then
/// empties the logs. Idempotent; may be killed and run again at any point. Call once, before any shard is opened.
Result<RecoveryReport> recover(io::Disk& disk, const std::string& directory);

/// `disk` and `loop` outlive the store.
Result<std::unique_ptr<ShardStore>> open_shard_store(io::Disk& disk, io::Loop& loop, ShardStoreOptions options);

}  // namespace walrus::storage
