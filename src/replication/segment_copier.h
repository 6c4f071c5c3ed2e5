// Makes this node a whole copy of a sealed segment, from nodes that hold it: a fresh one, or a replica that was left
// behind when the segment was sealed and lacks its tail.
//
// Happy path: whatever stands here beyond the end is cut; what is missing is fetched from the first source, chunk by
// chunk at the pace of the rate limit, appended and made durable like any batch. Then the whole copy is read back from
// this disk and its hash compared with the one that was sealed: only then `done` without an error. Nothing is fetched
// when all of it is here already.
//
// Failure: a source that does not answer, or whose batches are damaged, is left for the next one. A copy here that is
// damaged, or turns out to have another content, is set aside and begun anew, with the next source. With no source
// left: kUnavailable, or kCorrupt when the content of a whole copy was wrong. kDiskFull and other errors of this node's
// disk end the attempt. Nothing that was listed as a holder is touched elsewhere, and what could not be checked is
// never called a copy.
//
// Loop thread only.
#pragma once

#include <memory>
#include <vector>

#include "io/rate_limit.h"
#include "io/transport.h"
#include "replication/replica_table.h"
#include "replication/segment_verifier.h"

namespace walrus::replication {

struct CopyOptions {
  SealedSegment segment;
  Epoch next_epoch;             ///< of the segment behind it
  std::vector<NodeId> sources;  ///< holders, the best first
  std::uint64_t version = 0;    ///< of the metadata that names them
};

class SegmentCopier : public std::enable_shared_from_this<SegmentCopier> {
 public:
  struct Place {
    io::Loop& loop;
    io::Transport& transport;
    storage::ShardStore& store;
    ReplicaTable& replicas;
    io::RateLimit& limit;
  };
  /// What `place` names outlives the copier, or stop() comes first.
  SegmentCopier(Place place, CopyOptions options, io::Done done);

  void start();
  void stop();
  /// Fetched from other nodes so far.
  std::uint64_t bytes() const { return bytes_; }

 private:
  void fetch_next();
  void on_fetched(Result<io::Message> reply);
  Status append(const storage::Batches& batches);
  void make_durable();
  void on_durable();
  void verify();
  void on_verified(const Status& status);
  void next_source(const Error& trouble);
  void begin_anew();
  void set_aside();
  void later(io::Duration delay, void (SegmentCopier::*step)());
  void finish(Status status);
  Result<storage::Segment*> own();

  Place place_;
  const CopyOptions options_;
  io::Done done_;
  std::size_t source_ = 0;
  bool left_over_ = false;  // what stands here was there before this attempt
  std::uint64_t bytes_ = 0;
  std::shared_ptr<SegmentVerifier> verifier_;
  io::Timer timer_;
};

}  // namespace walrus::replication
