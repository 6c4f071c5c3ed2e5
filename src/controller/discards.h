// Takes copies of sealed segments off this node's disk of which there are enough without them: copies that others have
// made while this node was down, that were left behind at a seal, or that a topic does not want any more.
//
// Happy path: a view shows that this node holds a segment no more, or a copy was given up. If something of it lies
// here, DiscardCopy is proposed, which takes effect only while as many holders are up as the topic wants
// (metadata/cluster_holders.cc). When a view lists the discard, the files go, and ConfirmDiscard says so. What a crash
// interrupts is found in the first views after the start.
//
// Failure: a discard that is refused, or a file that cannot be removed, is tried again with the next round, and so for
// as long as it takes. Nothing is removed because it is not listed: only what a discard names. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string_view>

#include "io/loop.h"
#include "metadata/metadata_client.h"
#include "replication/replica_table.h"
#include "storage/shard_store.h"

namespace walrus::controller {

/// What removes files works with; all outlive it.
struct DisposalShard {
  io::Loop& loop;
  metadata::MetadataClient& metadata;
  storage::ShardStore& store;
  replication::ReplicaTable& replicas;
  std::function<bool(std::string_view topic)> owns;
  std::function<void(storage::SegmentKey)> let_go;  ///< of what else works on the segment
};

class Discards {
 public:
  Discards(DisposalShard shard, NodeId self) : shard_(std::move(shard)), self_(self) {}
  ~Discards();
  Discards(const Discards&) = delete;
  Discards& operator=(const Discards&) = delete;

  void start();
  void stop();
  /// Of this topic something may lie here that is not listed: a copy that was not finished.
  void look_at(TopicId topic);

 private:
  void follow(const metadata::View* before, const metadata::View& now);
  bool concerns_us(const metadata::TopicInfo* before, const metadata::TopicInfo& now) const;
  void run_within(io::Duration delay);
  void run();
  bool settle(const metadata::View& view, TopicId id);
  bool remove(const metadata::TopicInfo& topic, storage::SegmentKey key);
  void propose(metadata::Command command, storage::SegmentKey key);

  DisposalShard shard_;
  const NodeId self_;
  std::set<TopicId> topics_;                 // to be looked at
  TopicId next_;                             // of them, in the round after this one
  std::set<storage::SegmentKey> proposing_;  // a discard or its confirmation is under way
  std::size_t left_in_round_ = 0;
  io::Timer timer_;
  io::TimePoint due_{};  // that the timer runs at
  metadata::MetadataClient::Subscription subscription_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once this is gone: answers may come later
};

}  // namespace walrus::controller
