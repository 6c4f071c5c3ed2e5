// Makes the segments of one shard follow the metadata: takes over those that this node is named the recoverer of, and
// brings this node's replicas of sealed segments to their end.
//
// Happy path: the view shows a segment as being sealed by this node; a SegmentRecovery finds the end, and
// CompleteSealAndOpen is proposed with it. The view then shows the next segment, and the brokers go on there.
//
// Failure: a recovery that ends with an error, and a proposal whose fate is unknown, are tried again as long as the
// view says that it is our turn; when it says otherwise they are dropped. A recoverer whose own replica is of no use
// hands the segment over to another one.
//
// Loop thread of the shard.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "base/sync_policy.h"
#include "io/transport.h"
#include "metadata/metadata_client.h"
#include "replication/replica_table.h"
#include "replication/segment_recovery.h"

namespace walrus::controller {

class Takeover {
 public:
  /// `owns` tells which topics are this shard's; `fsync` is the node's policy. Everything passed in outlives the
  /// object.
  Takeover(io::Loop& loop, io::Transport& transport, metadata::MetadataClient& metadata,
           replication::ReplicaTable& replicas, NodeId self, std::function<bool(std::string_view topic)> owns,
           SyncPolicy fsync = {});
  ~Takeover();

  void start();
  void stop();

 private:
  struct Running {
    Epoch seal_epoch;
    std::shared_ptr<replication::SegmentRecovery> recovery;
    std::uint64_t attempts = 0;
    io::Timer retry;
  };

  void follow(const metadata::View* before, const metadata::View& now);
  void drop_deleted(const metadata::View& now);
  void look_at(const metadata::TopicInfo* before, const metadata::TopicPtr& topic);
  void recover(const metadata::TopicInfo& topic, std::uint64_t attempts);
  void on_recovered(const metadata::TopicPtr& topic, Result<replication::RecoveredEnd> found);
  void propose(const metadata::TopicPtr& topic, const replication::RecoveredEnd& found);
  void try_again(TopicId topic);
  void hand_over(const metadata::TopicInfo& topic);
  void settle(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment);

  io::Loop& loop_;
  io::Transport& transport_;
  metadata::MetadataClient& metadata_;
  replication::ReplicaTable& replicas_;
  const NodeId self_;
  std::function<bool(std::string_view)> owns_;
  const SyncPolicy fsync_;
  std::map<TopicId, Running> running_;
  metadata::MetadataClient::Subscription subscription_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once this is gone: answers may come later
};

}  // namespace walrus::controller
