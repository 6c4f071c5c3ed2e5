// The files of one segment, `.log` and `.idx`: what is in them, and the reads and writes of them. The docs are
// docs/format/segment.md and docs/format/index.md; the rules about what may be in the files are local_segment's.
//
// Happy path: open() finds out what is there; append() writes batches behind what is there, sync() makes them durable
// and writes the index of what is now durable, complete() adds the footer of a sealed segment. read() serves from the
// file, whatever is being written behind. One append, sync or complete at a time; any number of reads. cut() drops the
// end of the file, when nothing but reads is under way.
//
// Failure: the first failed write or sync other than for want of space poisons the file: nothing is written to it any
// more, because what the kernel still holds of it is unknown. So does a sync that finds the file's name gone
// (kNotFound). Damaged bytes met by a read are kCorrupt with file and
// position; batches before and behind them stay readable.
//
// Loop thread only. Completions do nothing once the shard's store is gone.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file.h"
#include "storage/file_cache.h"
#include "storage/options.h"
#include "storage/segment.h"
#include "storage/segment_index.h"
#include "storage/segment_scan.h"
#include "storage/segment_write.h"
#include "storage/shard_promises.h"

namespace walrus::storage {

/// What the segments of a shard share. Held by completions: `gone` tells that the store behind it is.
struct SegmentHome {
  io::Disk& disk;
  io::Loop& loop;
  std::string directory;  ///< of the node
  EngineOptions options;
  FileCache files;
  ShardPromises promises;
  std::shared_ptr<WriteBuffers> buffers = std::make_shared<WriteBuffers>();
  bool gone = false;
};

class SegmentFile : public std::enable_shared_from_this<SegmentFile> {
 public:
  struct Found {
    SegmentPlace end;
    std::uint64_t hash = 0;  ///< of the content up to there
    std::optional<TimeRange> times;
    bool sealed = false;
    std::string trouble;  ///< damage: not to be appended to
  };
  struct Cut {
    SegmentPlace place;
    std::uint64_t hash = 0;
    std::int64_t latest_ms = INT64_MIN;
  };

  SegmentFile(std::shared_ptr<SegmentHome> home, SegmentKey key, Offset base);

  /// Blocking. Reads the index and checks the batches behind its last entry. kConflict for another base offset;
  /// kCorrupt when not even the first batch can be told.
  Result<Found> open();

  /// Behind the last batch written, and behind the last one known to be durable here.
  const SegmentPlace& written() const { return written_; }
  const SegmentPlace& synced() const { return synced_; }

  /// A write or sync has failed for good.
  bool failed() const { return !poison_; }
  /// Since the last cut() there was no sync(): synced() says that nothing is.
  bool cut_unsynced() const { return cut_unsynced_; }

  void append(std::vector<SharedBytes> batches, io::Done done);
  void sync(io::Done done);
  void complete(io::Done done);

  /// Blocking. Where the batch that ends with `end` ends, which lies in what is written; kInvalidArgument when none
  /// does.
  Result<Cut> find_end(Offset end);
  /// Blocking. Drops what lies behind `to`, and the index file. Durable with the next sync() and the next sync of the
  /// directory.
  Status cut(SegmentPlace to);

  /// As Segment::read(), for what is written.
  void read(Offset from, Offset limit, std::size_t max_bytes, BatchesDone done);

  /// Where to start looking for the first record at or after this time.
  void find_time(std::int64_t timestamp_ms, std::move_only_function<void(Offset)> done);

  /// Unlinks the files. Reads that are under way still end well.
  Status remove();

  /// Blocking. The log, if there is one, goes to quarantine/ under a name of its own; remove() is to follow.
  Status move_to_quarantine();

  const SegmentIndex& index() const { return index_; }

 private:
  friend class SegmentRead;

  Result<Found> examine(io::File& log, std::uint64_t size);
  Result<std::optional<IndexFooter>> read_footer(std::uint64_t log_size);
  Result<std::int64_t> check_base(io::File& log);
  std::string position_text(std::uint64_t position) const;

  void answer_later(Status status, io::Done done);
  void finish_append(const std::vector<SharedBytes>& batches, Status status, io::Done done);
  Status still_there();
  Status is_gone() const;
  void save_index(io::Done done);
  void load_index(io::Task then);
  Status load_index_now();
  Status cut_files(SegmentPlace to);
  SegmentPlace locate(Offset offset) const;
  void remember(SegmentPlace place);

  const std::shared_ptr<SegmentHome> home_;
  const SegmentKey key_;
  const Offset base_;
  const std::string log_path_;
  const std::string index_path_;

  SegmentPlace written_;
  SegmentPlace synced_;
  FileCache::FilePtr dirty_;          // held from the first write until the sync that covers it
  std::shared_ptr<io::File> direct_;  // the same for large writes
  bool appending_ = false;
  bool cut_unsynced_ = false;
  Status poison_;

  SegmentIndex index_;
  bool index_loaded_ = true;            // false for a sealed segment until somebody looks for an offset
  std::size_t index_saved_ = 0;         // entries that are in the file
  std::uint64_t index_file_bytes_ = 0;  // where the next entry goes; 0: the file is written anew

  // Where recent reads ended: a reader that goes on needs no walk from an index entry.
  std::array<SegmentPlace, 4> recent_{};
  std::size_t next_recent_ = 0;
};

}  // namespace walrus::storage
