// Reads a topic's sealed segments, wherever they lie: from this node's store, or with FETCH from a node that holds
// them. The open segment is read through its SegmentLeader.
//
// Failure: kUnavailable when no holder answers, kCorrupt, kOffsetOutOfRange. Loop thread only.
#pragma once

#include <functional>

#include "base/ids.h"
#include "io/transport.h"
#include "metadata/metadata_client.h"
#include "storage/shard_store.h"

namespace walrus::broker {

class TopicReader {
 public:
  TopicReader(storage::ShardStore& store, metadata::MetadataClient& metadata, io::Transport& transport, NodeId self)
      : store_(store), metadata_(metadata), transport_(transport), self_(self) {}

  /// `damaged` hears of each copy here that turned out to be damaged when it was read.
  using OnDamage = std::function<void(storage::SegmentKey)>;
  void on_damage(OnDamage damaged) { damaged_ = std::move(damaged); }

  /// Batches of a sealed segment with records from `from` on, up to about `max_bytes` but at least one; `from` lies in
  /// [base, end). `done` may run before the call returns.
  void read_sealed(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment, Offset from,
                   std::size_t max_bytes, storage::BatchesDone done);

  /// The same from this node's store alone; kNotFound when this node is no replica.
  void read_local(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment, Offset from,
                  std::size_t max_bytes, storage::BatchesDone done);

  /// The first record of a sealed segment that is not older, or the segment's end. As read_sealed().
  void find_time(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment, std::int64_t timestamp_ms,
                 storage::OffsetDone done);
  /// As read_local().
  void find_time_local(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                       std::int64_t timestamp_ms, storage::OffsetDone done);

 private:
  /// This node's whole copy of a sealed segment.
  Result<storage::Segment*> open_local(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment);
  void locate(TopicId topic, SegmentId segment, std::vector<NodeId> holders, std::int64_t timestamp_ms,
              storage::OffsetDone done);
  void fetch(TopicId topic, SegmentId segment, std::vector<NodeId> holders, Offset from, std::size_t max_bytes,
             storage::BatchesDone done);

  storage::ShardStore& store_;
  metadata::MetadataClient& metadata_;
  io::Transport& transport_;
  const NodeId self_;
  OnDamage damaged_ = [](storage::SegmentKey) {};
};

}  // namespace walrus::broker
