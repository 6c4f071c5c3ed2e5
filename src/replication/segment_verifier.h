// Reads this node's copy of a sealed segment from front to back and says whether it is what it should be: each batch
// with its CRC, offsets without a gap, the hash of the whole. For the scrubber, and before a fresh copy counts.
//
// Happy path: start(), piece by piece at the pace of the rate limit; `done` with no error. `done` is called once, never
// before start() returns, and not after stop().
//
// Failure: kCorrupt with the place: a batch is damaged, records are missing, or the content is another one. Any other
// error says nothing about the content (the disk could not be read just now).
//
// Loop thread only.
#pragma once

#include <memory>

#include "io/rate_limit.h"
#include "storage/shard_store.h"

namespace walrus::replication {

/// What the metadata says about a sealed segment; the same on every node, for ever.
struct SealedSegment {
  storage::SegmentKey key;
  Offset base;
  Offset end;
  std::uint64_t hash = 0;  ///< 0: not known (its leader's disk failed before it was sealed), not compared
  bool only_copy = false;  ///< read also when its file has failed: what it has cannot be made anew
};

class SegmentVerifier : public std::enable_shared_from_this<SegmentVerifier> {
 public:
  /// `loop`, `store` and `limit` outlive the verifier, or stop() comes first.
  SegmentVerifier(io::Loop& loop, storage::ShardStore& store, io::RateLimit& limit, SealedSegment segment,
                  io::Done done);

  void start();
  void stop();
  /// Read and checked so far.
  std::uint64_t bytes() const { return bytes_; }

 private:
  void read_next();
  void on_read(Result<storage::Batches> batches);
  Status check(const storage::Batches& batches);
  void finish(Status status);

  io::Loop& loop_;
  storage::ShardStore& store_;
  io::RateLimit& limit_;
  const SealedSegment segment_;
  io::Done done_;
  Offset next_;
  std::uint64_t hash_ = 0;  // of the content before next_
  std::uint64_t bytes_ = 0;
  io::Timer timer_;
};

}  // namespace walrus::replication
