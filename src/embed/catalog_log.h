// The catalog on the disk: a log of catalog records in segments of their own (topic 0) of shard 0's store, so that a
// change of the catalog is as durable as a record, and joins the same group commit.
//
// Happy path: load() reads the newest segment. append() queues records; what waits while the log is being written
// becomes one batch, all of it there after a crash or none. Once durable, the records are applied to catalog() and the
// callers told, in order. When the segment has grown, a new one begins with a snapshot in a single batch, and the old
// one is removed once that is durable: the newest segment that is not empty is always the whole truth.
//
// Failure: a failed write fails what was in flight (unknown outcome: the next start finds it or not) and the catalog
// goes on in a new segment. Without space append() answers so; the catalog stays as it was.
//
// Loop thread only; destroyed after the loop has come to its end, before its store.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "embed/catalog.h"
#include "io/file.h"
#include "io/loop.h"
#include "storage/shard_store.h"

namespace walrus::embed {

inline constexpr TopicId kCatalogTopic{0};

class CatalogLog {
 public:
  /// `segment_bytes`: before a new one, at least.
  CatalogLog(io::Disk& disk, io::Loop& loop, storage::ShardStore& store, std::string directory,
             std::uint64_t segment_bytes);

  /// Once, first.
  void load(io::Done done);
  /// All or none of `records`. `done` runs when they are durable, and part of catalog().
  void append(std::vector<catalog::Record> records, io::Done done);
  const Catalog& catalog() const { return catalog_; }

 private:
  struct Change {
    std::vector<catalog::Record> records;
    io::Done done;
  };
  struct Written {
    Offset end;
    std::vector<Change> changes;
  };

  void read_on(Offset from, io::Done done);
  Status take(const storage::Batches& batches, Offset& next);
  void schedule();
  void pump();
  void write_waiting();
  void wait_for_slot();
  void on_changed();
  void begin_segment();
  void on_begun();
  void fail_waiting(const Error& error);
  bool wants_new_segment() const;

  io::Disk& disk_;
  io::Loop& loop_;
  storage::ShardStore& store_;
  const std::string directory_;
  const std::uint64_t segment_bytes_;

  Catalog catalog_;
  storage::Segment* segment_ = nullptr;
  storage::Segment* next_segment_ = nullptr;  // its snapshot is being written
  std::uint64_t grown_at_;                    // bytes from which a new segment is worth it
  std::vector<Change> waiting_;
  std::deque<Written> in_flight_;
  bool scheduled_ = false;
  bool awaiting_slot_ = false;
};

}  // namespace walrus::embed
