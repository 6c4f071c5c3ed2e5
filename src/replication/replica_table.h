// The segments of one shard that this node follows, and the answers to REPLICATE, FENCE and COPY.
//
// A follower comes into being with the first message for its segment. A FENCE also reaches a leader on this node:
// `on_fence` is called before the promise is made, and ends its acknowledgements.
//
// Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "io/transport.h"
#include "replication/segment_follower.h"
#include "storage/shard_store.h"

namespace walrus::replication {

class ReplicaTable {
 public:
  /// The leader of this segment on this node, if any, must stop for good now.
  using OnFence = std::function<void(storage::SegmentKey key, Epoch epoch)>;

  ReplicaTable(storage::ShardStore& store, OnFence on_fence) : store_(store), on_fence_(std::move(on_fence)) {}

  /// Whether this node's disk is the one with which it became a replica. Messages about a segment of which it is not
  /// are refused, and its answer to a fence is "suspect": it counts neither as "has" nor as "has not".
  using Original = std::function<bool(storage::SegmentKey key)>;
  void set_original(Original original) { original_ = std::move(original); }

  /// Told of each segment that this node begins to follow, before anything is appended to it.
  using Prepare = std::function<void(storage::Segment& segment)>;
  void set_prepare(Prepare prepare) { prepare_ = std::move(prepare); }
  /// Again, for what is followed already: what it went by may have changed.
  void prepare_all();

  /// True when the message is one of ours; then it is used up.
  bool handle(const io::Message& message, io::Reply& reply);

  /// This node's own replica, for a recoverer that is a replica itself.
  Result<SegmentFollower*> follower(storage::SegmentKey key, Offset base);
  void fence(storage::SegmentKey key, Offset base, Epoch epoch, FenceDone done);

  /// The segment is sealed at `end`, and `epoch` is that of a later segment: accepts nothing of an earlier one any
  /// more, cuts what lies beyond, completes the file. True when all of it is here; `done` when that is durable.
  void settle(storage::SegmentKey key, Offset base, Offset end, Epoch epoch,
              std::move_only_function<void(Result<bool>)> done);

  /// settle() with this epoch has begun in some life of this node.
  bool was_settled(storage::SegmentKey key, Epoch epoch) const { return store_.promised(key) >= epoch; }

  /// The segment is about to be taken out of the store. Not from inside an answer of this table.
  void forget(storage::SegmentKey key) { followers_.erase(key); }

 private:
  void replicate(const io::Message& message, io::Reply reply);
  void fence_message(const io::Message& message, io::Reply reply);
  void copy(const io::Message& message, io::Reply reply);
  void cut(storage::SegmentKey key, Offset end, std::move_only_function<void(Result<bool>)> done);
  void forget_sealed();

  storage::ShardStore& store_;
  OnFence on_fence_;
  Prepare prepare_ = [](storage::Segment&) {};
  Original original_ = [](storage::SegmentKey) { return true; };
  std::map<storage::SegmentKey, std::unique_ptr<SegmentFollower>> followers_;
  std::vector<storage::SegmentKey> sealed_;  // their followers go with the next message
};

}  // namespace walrus::replication
