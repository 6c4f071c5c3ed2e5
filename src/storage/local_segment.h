// The segment as this node holds it (the contract is segment.h): its end, what of it is durable, the batches that are
// not in the file yet, and the watcher.
//
// A batch goes through three places: the tail (in memory, from append()), the shard's log (durable), the segment file
// (written by the flusher, later). It leaves the tail when it is in the file. Batches that are not durable are never
// written to the file, so that a file holds nothing that the log could take back.
//
//   synced in the file <= written to the file <= durable <= end
//
// A promise is an entry of the log and nothing else here (shard_promises.h); a cut is one, too, and then a change of
// the file (segment_cut.cc).
//
// Loop thread only.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "storage/segment_file.h"
#include "storage/wal_writer.h"

namespace walrus::storage {

class SegmentFlusher;

class LocalSegment final : public Segment, public std::enable_shared_from_this<LocalSegment> {
 public:
  /// All outlive the segment's last call; what may come later looks at home->gone.
  LocalSegment(std::shared_ptr<SegmentHome> home, WalWriter& log, SegmentFlusher& flusher, SegmentKey key, Offset base);

  /// Blocking: finds what is on the disk.
  Status open();

  SegmentKey key() const override { return key_; }
  Offset base() const override { return base_; }
  Offset end() const override { return end_.offset; }
  Offset durable_end() const override { return std::max(counted_, durable_.offset); }
  Offset logged_end() const override { return durable_.offset; }
  std::uint64_t bytes() const override { return status_ ? end_.position : durable_.position; }
  Status status() const override { return status_; }
  bool sealed() const override { return sealed_; }

  Status append(SharedBytes batch) override;
  void set_sync(SyncPolicy policy) override { sync_ = policy; }
  void watch(std::move_only_function<void()> changed) override;
  void read(Offset from, Offset limit, std::size_t max_bytes, BatchesDone done) override;
  std::optional<TimeRange> times() const override;
  void find_time(std::int64_t timestamp_ms, Offset limit, OffsetDone done) override;
  std::uint64_t hash() const override { return hash_; }
  std::optional<std::uint64_t> hash_at(Offset offset) const override;
  Epoch promised() const override { return home_->promises.look_up(key_).epoch; }
  void promise(Epoch epoch, io::Done done) override;
  void truncate(Offset end, io::Done done) override;
  void seal() override;

  // From the shard's store.
  /// False when the segment has failed meanwhile: then durable_end() stays where it is.
  bool on_durable(const WalEntry& entry);
  void on_truncated();
  /// Of the oldest promise() or truncate() that has no answer yet.
  io::Done take_answer();
  /// Something about it is in the log.
  bool logged() const { return logged_; }
  void poison(Error error);
  void notify();
  /// No append any more, and no word to the watcher.
  void close(Error reason);
  Status remove_files();

  // For the flusher.
  const SegmentPlace& durable() const { return durable_; }
  const SegmentPlace& written() const {
    return cut_ && cut_->position < file_->written().position ? *cut_ : file_->written();
  }
  const SegmentPlace& synced() const { return file_->synced(); }
  std::uint64_t unwritten() const { return durable_.position - written().position; }
  /// Writes the next durable batches, up to kSegmentReadBytes; `done` with the bytes written.
  void write_some(std::move_only_function<void(Result<std::uint64_t>)> done);
  void sync(io::Done done) { file_->sync(std::move(done)); }
  bool file_failed() const { return file_->failed(); }
  bool wants_footer() const;
  void write_footer(io::Done done);
  /// The file is to be cut before anything else is written to it: as soon as the log says so, and no sync is under way.
  bool cutting() const { return cut_.has_value(); }
  bool cut_due() const { return cutting() && cuts_in_log_.empty() && sync_work != Work::kRunning; }
  bool cut_unsynced() const { return file_->cut_unsynced(); }

  /// Which files of the log hold data of this segment that is not synced in its own file, oldest first: everything up
  /// to `end` is in this file or an older one. And where it stands with the flusher. Kept here, owned by the flusher.
  struct LogMark {
    std::uint64_t file;
    std::uint64_t end;
  };
  std::vector<LogMark> log_marks;
  std::uint64_t write_goal = 0;  ///< how far it is to be written, and synced
  std::uint64_t sync_goal = 0;
  enum class Work : std::uint8_t { kIdle, kQueued, kRunning };
  Work write_work = Work::kIdle;
  Work sync_work = Work::kIdle;
  bool waiting = false;    ///< in the line of those with unwritten batches
  bool forgotten = false;  ///< by the flusher: what it still does for this segment does not count
  bool touched = false;    ///< the store is about to call notify()

 private:
  struct TailBatch {
    SegmentPlace place;
    std::uint64_t hash;      ///< of all before it
    std::int64_t latest_ms;  ///< likewise
    SharedBytes batch;
  };
  std::span<const TailBatch> tail() const { return std::span(tail_).subspan(tail_gone_); }
  Batches read_tail(Offset from, Offset limit, std::size_t max_bytes) const;
  void drop_written();
  void count_now();
  void notify_later();
  Result<SegmentFile::Cut> find_end(Offset end);
  void drop_behind(const SegmentFile::Cut& cut);
  bool was_cut(std::uint64_t position) const;
  Status cut_file();

  const std::shared_ptr<SegmentHome> home_;
  WalWriter& log_;
  SegmentFlusher& flusher_;
  const SegmentKey key_;
  const Offset base_;

  // What every append and its completion touch stands together: with thousands of segments in turn, none of it is in
  // the processor's cache.
  SegmentPlace end_;
  SegmentPlace durable_;
  std::uint64_t hash_ = 0;  // of all up to end_
  std::int64_t latest_ms_ = INT64_MIN;
  std::vector<TailBatch> tail_;  // from written() to end(), behind tail_gone_ that are in the file already
  std::size_t tail_gone_ = 0;
  std::shared_ptr<SegmentFile> file_;
  std::move_only_function<void()> changed_;
  SyncPolicy sync_;
  bool notifying_ = false;
  bool notify_posted_ = false;
  bool logged_ = false;
  bool sealed_ = false;
  bool footer_written_ = false;
  Offset counted_;  // durable by a policy that is weaker than the log's
  std::int64_t first_ms_ = 0;
  std::vector<std::uint64_t> cuts_in_log_;  // positions, oldest first, of those that are not durable yet
  std::optional<SegmentPlace> cut_;         // where the file is to be cut
  Status status_;
  std::optional<Error> closed_;
  std::optional<std::move_only_function<void()>> next_watcher_;  // set while the present one runs
  std::vector<io::Done> answers_;                                // of promise() and truncate(), in the order of the log
};

}  // namespace walrus::storage
