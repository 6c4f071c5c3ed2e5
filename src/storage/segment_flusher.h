// Moves durable batches from memory into segment files, and syncs those, so that files of the log can be used again.
//
// Written: a segment with segment_write_bytes of unwritten batches; the ones that wait longest once the shard has
// max_unwritten_bytes of them; everything that a complete file of the log still holds; a sealed segment; everything
// when the log is quiet. Synced: the last three, and a segment with kSegmentSyncBytes written since its last sync. A
// segment is written on while it is being synced. At most kSegmentFlushesInFlight of each at a time.
//
// The more segments share the log, the more complete files of it are kept before their segments are synced, so that
// each sync is worth its price: kSegmentWorthSyncBytes of log for each, kWalMostKeptFiles at most.
//
// A file of the log is released, in order, when no segment has unsynced data in it or in an older one, and no cut of a
// segment either.
//
// Failure: a segment whose file somebody has removed is poisoned, and the log is not kept for it. Without space
// (kDiskFull) the data stays in memory and in the log; admit() pushes back once there is too much of it, and retries.
// Any other error poisons the segment: its data stays in the log, whose files are kept until the next start replays
// them.
//
// Loop thread only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "storage/local_segment.h"

namespace walrus::storage {

class SegmentFlusher {
 public:
  SegmentFlusher(std::shared_ptr<SegmentHome> home, WalWriter& log);

  using SegmentPtr = std::shared_ptr<LocalSegment>;

  /// A batch of `bytes` of this segment has become durable in file number `file` of the log.
  void on_durable(const SegmentPtr& segment, std::uint64_t file, std::uint64_t bytes);
  /// And so has a cut of it; its marks are as they should be.
  void on_truncated(const SegmentPtr& segment, std::uint64_t file);
  /// Of what was given to on_durable(), so much needs not be written any more.
  void no_longer_unwritten(std::uint64_t bytes);
  /// The log will add nothing to this file.
  void on_file_complete(std::uint64_t file);
  /// Nothing is written to the log any more: what is there goes to the segment files, and out of memory.
  void on_quiet();
  /// What is durable of it now is to be written, and synced.
  void want_write(const SegmentPtr& segment);
  void want_sync(const SegmentPtr& segment);
  /// Was removed: nothing more is done for it. The log is kept for it until release_log_of(), when the log says that it
  /// was removed: otherwise a power cut could leave the second half of it.
  void forget(const SegmentPtr& segment);
  void release_log_of(const SegmentPtr& segment);

  /// kOverloaded or kDiskFull while far too much waits for segment files.
  Status admit();
  /// True while so much waits that callers had better, too; not without space, when admit() has the answer. `relieved`
  /// runs when that is over.
  bool behind() const { return trouble_ && unwritten_bytes_ > home_->options.max_unwritten_stalled_bytes / 2; }
  void on_relieved(io::Task relieved) { relieved_ = std::move(relieved); }

  /// Writes and syncs all there is; `done` with the first error.
  void flush_all(io::Done done);
  /// The oldest file of the log that is still needed for a segment, or may be.
  std::uint64_t first_needed_file() const;
  /// Nothing in the log is needed for a segment.
  bool all_synced() const;
  /// Before the log forgets its files below `number`: what else was only in them.
  Status before_release(std::uint64_t number);

 private:
  struct Needed {
    std::size_t segments = 0;          ///< with unsynced data in this file
    std::vector<SegmentPtr> to_flush;  ///< those that have had data in it
  };

  void enqueue_write(const SegmentPtr& segment);
  void enqueue_sync(const SegmentPtr& segment);
  void run();
  void write(const SegmentPtr& segment);
  void on_written(const SegmentPtr& segment, Result<std::uint64_t> bytes);
  void sync(const SegmentPtr& segment);
  void on_synced(const SegmentPtr& segment, Status status);
  void finish_sync(const SegmentPtr& segment);
  void fail(const SegmentPtr& segment, const Error& error);

  void mark(const SegmentPtr& segment, std::uint64_t file);
  std::uint64_t files_to_keep() const;
  void sync_what_is_in(std::uint64_t below);
  void settle_marks(LocalSegment& segment);
  void drop_marks(LocalSegment& segment, std::uint64_t up_to);
  void release();
  void write_oldest();
  void try_again();
  void answer_flush_all();

  const std::shared_ptr<SegmentHome> home_;
  WalWriter& log_;
  std::map<std::uint64_t, Needed> needed_;  // by file of the log
  std::uint64_t released_below_ = 0;
  std::deque<SegmentPtr> to_write_;
  std::deque<SegmentPtr> to_sync_;
  std::deque<SegmentPtr> waiting_;  // with unwritten batches, the ones that wait longest first
  std::size_t writing_ = 0;
  std::size_t syncing_ = 0;
  std::uint64_t unwritten_bytes_ = 0;
  io::Task relieved_;
  Status trouble_;  // kDiskFull, until a write succeeds
  std::vector<SegmentPtr> stalled_;
  io::TimePoint next_attempt_{};
  std::vector<io::Done> when_flushed_;
  Status flush_result_;
};

}  // namespace walrus::storage
