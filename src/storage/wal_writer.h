// The writing side of a shard's write-ahead log: natural group commit over everything that is queued.
//
// Happy path: append() queues an entry. At the end of the loop's turn (a posted task, so that everything appended in
// one turn joins) a write starts if a slot is free: it takes what is queued, up to wal_max_write_bytes, as one group.
// The last slots are for large writes: a device that is given many small ones at once takes longer for each, and they
// would have been one. When it is done, and all before it are, the listener hears on_durable() and the next write
// starts. Group commit needs no timer. A group of a single record that nothing else waits behind is written on the
// loop's own thread where the disk is fast (io::File::async_write_alone()). kWalMarkDelay after the last write an empty
// group says that everything before it was durable, so that recovery can tell rot in the last acknowledged batch from a
// torn write; after kWalQuietDelay the listener hears of the quiet, once, and may release files, which one more mark
// announces; then nothing runs.
//
// With a weaker policy than `always` (sync_policy.h) a group counts when the kernel has it, unless something in it asks
// for more; files are synced in rounds, when one is due and, with `interval`, when a file is to be used again (with
// `never` the checkpoint says so). Groups call durable only what was
// really synced, so that what a power cut takes away is a torn tail, and not rot.
//
// Order: groups complete in any order, on_durable() comes in the order of append(), each entry once.
//
// Failure: a failed write fails its group and all that was appended behind it (on_failed()); the log goes on in another
// file with a restart group, so that topics which open new segments can go on. Without space for new files the log
// stands: what is queued waits, append() answers kDiskFull (or what else is wrong), and the log resumes by itself when
// an append finds space again. A failed sync of a log with a weaker policy ends it: nobody knows what of it is on the
// disk, and it takes no more.
//
// Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/loop.h"
#include "storage/aligned_buffer.h"
#include "storage/options.h"
#include "storage/wal_files.h"
#include "storage/wal_format.h"

namespace walrus::storage {

class LocalSegment;

/// What is logged. Holds its segment, so that completions find it even when it was removed meanwhile.
struct WalEntry {
  std::shared_ptr<LocalSegment> segment;
  wal::EntryKind kind = wal::EntryKind::kBatch;
  SegmentKey key;
  Offset base;  ///< of the segment
  std::uint64_t position = 0;
  SharedBytes batch;
  SyncPolicy sync = {};
  std::uint32_t records = 0;  ///< in the batch
};

class WalListener {
 public:
  virtual ~WalListener() = default;
  /// A power cut cannot take these away any more; they lie in file number `file`.
  virtual void on_durable(std::vector<WalEntry>& entries, std::uint64_t file) = 0;
  /// Whether these are on the disk is unknown; the next recovery drops them.
  virtual void on_failed(std::vector<WalEntry>& entries, const Error& error) = 0;
  /// No group will be added to file number `file`; all its groups have been reported.
  virtual void on_file_complete(std::uint64_t file) = 0;
  /// Nothing was written for kWalQuietDelay. Once, until something is.
  virtual void on_quiet() = 0;
};

class WalWriter {
 public:
  WalWriter(io::Disk& disk, io::Loop& loop, std::string directory, const EngineOptions& options, WalListener& listener);
  ~WalWriter();
  WalWriter(const WalWriter&) = delete;
  WalWriter& operator=(const WalWriter&) = delete;

  /// The log must be empty: new, closed cleanly, or recovered. kConflict when it is not.
  Status open();

  /// Queues. kOverloaded, kTooLarge, or why the log has no space; then nothing was queued.
  Status append(WalEntry entry);

  /// A write could start at once; or the disk hangs, and waiting for it makes no sense.
  bool writable() const;
  void when_writable(io::Task task);

  /// Every entry in files below `number` is safe in synced segment files.
  void release_below(std::uint64_t number);
  /// No entry that becomes durable from now on lies in a file below this number.
  std::uint64_t first_open_file() const;
  /// Behind the last file used.
  std::uint64_t end_file() const { return files_.next_number(); }

  /// Runs `task` once nothing is queued or in flight; nothing is written afterwards. No append may follow. What there
  /// is no space for fails.
  void drain(io::Task task);
  /// Records that files below `number` need not be replayed. Drained only.
  Status close(std::uint64_t number);

 private:
  struct Group {
    WalWriter* writer = nullptr;  // null once the writer is gone
    AlignedBuffer buffer;
    std::vector<WalEntry> entries;
    std::shared_ptr<io::File> file;
    std::uint64_t file_number = 0;
    wal::GroupHeader header;
    bool done = false;
    Status status;
    bool must_sync = false;  ///< before it counts
    std::optional<std::chrono::milliseconds> sync_within;
  };
  using GroupPtr = std::shared_ptr<Group>;

  void post_start();
  void watch_for_hang(io::Duration patience);
  bool slot_free() const;
  void start_writes();
  bool start_write();
  void give_up_queue();
  void mark_when_quiet();
  void watch_quiet();
  std::size_t gather(std::size_t& payload) const;
  void fill(Group& group, std::size_t entries, std::size_t payload);
  void issue(const GroupPtr& group, const WalFiles::Place& place);
  GroupPtr fresh_group();

  bool alone(const Group& group) const;
  void on_written(Group& group, Status status);
  void deliver_in_order();
  void deliver(const GroupPtr& group);
  void fail_from_front();
  void recycle(const GroupPtr& group);
  void notice_file_change(std::uint64_t file);
  void announce(const wal::GroupHeader& header);
  void sync_soon(std::chrono::milliseconds within);
  void start_sync();
  void on_synced(const Status& status);
  void finish_sync_round();
  void wake();

  std::uint64_t entry_bytes(const WalEntry& entry) const { return wal::kEntryHeaderBytes + entry.batch.size(); }

  io::Disk& disk_;
  io::Loop& loop_;
  const std::string directory_;
  const EngineOptions options_;
  WalListener& listener_;
  WalFiles files_;

  std::deque<WalEntry> queued_;
  std::uint64_t queued_bytes_ = 0;
  std::deque<GroupPtr> in_flight_;  // in order of issue
  std::vector<GroupPtr> idle_groups_;
  std::size_t writes_ = 0;  // issued and not done; failed groups stay in it until they are done
  bool start_posted_ = false;
  bool draining_ = false;
  bool no_space_ = false;  // start_write() waits for a file
  bool hangs_ = false;     // no write, nor the making of a file, has ended for limits::kQuorumPatience
  io::TimePoint last_written_{};
  io::Timer hang_timer_;

  std::uint64_t log_id_ = 0;
  std::uint64_t next_group_ = 1;
  std::uint64_t durable_group_ = 0;   // delivered
  std::uint64_t synced_group_ = 0;    // and really synced; the same with `always`
  std::uint64_t delivered_file_ = 0;  // file of the last group delivered
  std::uint32_t last_crc_ = 0;
  std::uint64_t void_from_ = 0;  // set from a failure until a restart group is durable
  bool restart_issued_ = false;
  bool promises_ = false;  // there is one in a group of this log
  bool unmarked_ = false;  // the last group on the disk may be one that no other calls durable
  io::Timer mark_timer_;
  io::Timer quiet_timer_;

  // With a weaker policy. One round of syncs at a time; it covers all groups written before it began.
  std::vector<std::shared_ptr<io::File>> unsynced_;  // files
  std::size_t syncs_ = 0;
  std::uint64_t round_group_ = 0;
  std::uint64_t round_first_live_ = 0;
  std::uint64_t last_first_live_ = 0;  // of the last group delivered
  std::uint64_t announced_ = 0;        // first live file that a synced group names
  bool another_round_ = false;
  io::Timer sync_timer_;
  io::TimePoint sync_due_{};
  Status broken_;

  std::vector<io::Task> writable_tasks_;
  std::vector<io::Task> drained_tasks_;
  std::shared_ptr<WalWriter*> self_;  // null once this is gone: posted tasks may come later
};

}  // namespace walrus::storage
