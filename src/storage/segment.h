// One segment as this node holds it: an append-only run of record batches (docs/format/record_batch.md) with dense
// offsets from base().
//
// Happy path: append() puts a batch at the end and queues it for the shard's write-ahead log; when the log's write is
// durable, durable_end() moves past it and the watchers run. The segment file is written later, from the same buffers,
// and synced before the log file that holds them is recycled. read() serves from memory what is not yet in the file.
//
// Positions: base() <= durable_end() <= end(); they move back by truncate() alone. Nothing here knows about commit: the
// caller never reads past what it may show.
//
// Failure: when a durable write fails the segment is poisoned: status() tells why, append() refuses with it, watchers
// run once more, and durable_end() never moves again. What was durable stays readable.
//
// Loop thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/sync_policy.h"
#include "io/file.h"

namespace walrus::storage {

struct SegmentKey {
  TopicId topic;
  SegmentId segment;
  friend auto operator<=>(const SegmentKey&, const SegmentKey&) = default;
};

/// Whole batches, in order. The first may begin before the offset asked for.
using Batches = std::vector<SharedBytes>;
using BatchesDone = std::move_only_function<void(Result<Batches>)>;
using OffsetDone = std::move_only_function<void(Result<Offset>)>;

/// By the records' own timestamps, which need not rise.
struct TimeRange {
  std::int64_t first_ms = 0;   ///< of the first record
  std::int64_t latest_ms = 0;  ///< the latest of all
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

class Segment {
 public:
  virtual ~Segment() = default;

  virtual SegmentKey key() const = 0;
  virtual Offset base() const = 0;
  /// After the last record appended.
  virtual Offset end() const = 0;
  /// After the last record that counts as durable, by the segment's policy (sync_policy.h): by default after the last
  /// one that a power cut cannot take away.
  virtual Offset durable_end() const = 0;
  /// After the last record that the log has, by the log's own policy: what a weaker policy of the segment counts beyond
  /// it is lost when the segment fails.
  virtual Offset logged_end() const { return durable_end(); }
  /// Bytes of batches, on disk or on the way there: up to end(), or when the segment has failed, to durable_end().
  virtual std::uint64_t bytes() const = 0;
  /// Nothing while the segment is empty. With bytes() and end() - base() what retention needs to know; costs no read.
  virtual std::optional<TimeRange> times() const { return std::nullopt; }
  virtual Status status() const = 0;

  /// Appends one whole batch whose base offset is end(). kGap when it is not; kCorrupt when its CRC or shape is wrong;
  /// kPoisoned after a failed write; kOverloaded when the log's queue is full (limits::kWalMaxQueuedBytes);
  /// kDiskFull while there is no space. Nothing is appended on an error.
  virtual Status append(SharedBytes batch) = 0;

  /// For what is appended from now on; until then the engine's.
  virtual void set_sync(SyncPolicy) {}

  /// Runs after each move of durable_end() and once when the segment fails. One watcher; empty to remove it.
  virtual void watch(std::move_only_function<void()> changed) = 0;

  /// Batches that hold records in [from, limit), up to about `max_bytes` but at least one batch when there is one;
  /// empty when from >= limit. kOffsetOutOfRange when from < base() or limit > end(). `done` may run before read()
  /// returns.
  virtual void read(Offset from, Offset limit, std::size_t max_bytes, BatchesDone done) = 0;

  /// The offset of the first record in [base, limit) whose timestamp is not earlier; `limit` when there is none. Reads
  /// about one interval of the index. `done` may run before find_time() returns.
  virtual void find_time(std::int64_t, Offset, OffsetDone done) { done(fail(ErrorCode::kUnsupported)); }

  /// Hash of the content from base() to end(): a chain over its batches, so that equal hashes at equal offsets mean
  /// equal content (content_hash.h). Known without reading the segment again, after a restart, too.
  virtual std::uint64_t hash() const = 0;
  /// The same of the content up to durable_end(): another one while writes are under way, or have failed.
  std::uint64_t durable_hash() const { return hash_at(durable_end()).value_or(hash()); }
  /// The same of the content up to `offset`, where that is known without reading: at base(), at durable_end(), and at
  /// the end of each batch that is not in the segment file yet.
  virtual std::optional<std::uint64_t> hash_at(Offset offset) const = 0;

  /// The highest epoch promised here; Epoch(0) when none was. When a promise may have been lost with damaged data,
  /// status() is kCorrupt: this replica counts neither as one that has promised nor as one that has not.
  virtual Epoch promised() const = 0;
  /// Promises that nothing of an epoch below this one is accepted any more. Counts for promised() at once; `done` runs
  /// when a power cut cannot take the promise away, nor anything that was appended before it; with the error when it
  /// cannot be made durable, and then it may come back after a restart or not. Allowed whatever status() says. A lower
  /// epoch than the one promised changes nothing. Keeping the promise is the caller's work. It goes with remove().
  virtual void promise(Epoch epoch, io::Done done) = 0;

  /// Drops every batch at or behind `end`, which must be a batch's end (kInvalidArgument). Takes effect at once, for
  /// batches on their way to the disk as well; durable when done. Until then a power cut may leave all of what is
  /// dropped, or the beginning of it. A sealed segment is open again. May block for a read of one index interval.
  virtual void truncate(Offset end, io::Done done) = 0;

  /// No more appends; what is durable is flushed to the file and its index completed in the background.
  virtual void seal() = 0;
  virtual bool sealed() const = 0;
};

}  // namespace walrus::storage
