// One node of a simulated cluster: the rooms of walrusd, unchanged, composed over a simulated loop, disk and network.
// It lives from one start to the next crash or stop; what survives is its disk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker.h"
#include "broker/router.h"
#include "controller/controller.h"
#include "controller/disposal.h"
#include "controller/repair.h"
#include "controller/scrubber.h"
#include "controller/takeover.h"
#include "io/sim/sim_disk.h"
#include "io/sim/sim_loop.h"
#include "io/sim/sim_network.h"
#include "metadata/metadata_service.h"
#include "storage/shard_store.h"

namespace walrus::sim {

struct SimNodeOptions {
  NodeId id;
  Uuid disk_id;
  std::vector<std::string> join;  ///< addresses; empty: starts the cluster
  std::uint32_t shards = 2;
  std::uint32_t replication_factor = 3;
  std::uint64_t segment_entries = 50;
  SyncPolicy fsync = {};
  /// Damage that recovery finds was done on purpose; else it is a failure of the start.
  bool may_be_damaged = false;
  bool newer_version = false;
};

std::string address_of(NodeId node);
/// Where a node has its copy of a segment on its disk.
std::string file_of(storage::SegmentKey segment);
/// Where the files of a shard's write-ahead log are.
std::string log_of(std::uint32_t shard);

class SimNode {
 public:
  /// Recovers what is on the disk and takes part from then on.
  static Result<std::unique_ptr<SimNode>> start(io::SimWorld& world, io::SimNetwork& network, io::SimDisk& disk,
                                                const SimNodeOptions& options);
  ~SimNode();

  /// What the clients of this node talk to.
  broker::RequestSink& requests() {
    asked_ = true;
    return *router_;
  }
  /// A client has called since the last question.
  bool was_asked() { return std::exchange(asked_, false); }
  metadata::MetadataService& metadata() { return *metadata_; }
  NodeId id() const { return options_.id; }
  metadata::ViewPtr view() const { return metadata_->client().view(); }
  io::SimLoop& loop() const { return loop_; }
  /// The cluster has removed it: a process would end now.
  bool refused() const { return refused_; }
  bool ready() const { return metadata_->ready(); }
  const controller::RepairCounters& repair_counters() const { return repair_counters_; }
  bool leads_raft() const { return metadata_->status().leader_id == options_.id; }
  /// This node's copy of a segment; null when it has none.
  storage::Segment* replica(const metadata::TopicInfo& topic, SegmentId segment) const {
    return shards_[directory_.shard_of(topic.name)]->store->find({topic.id, segment});
  }
  /// What this node leads.
  void for_each_leader(const std::function<void(broker::TopicLeader&)>& visit) const {
    for (const auto& shard : shards_) shard->broker->leaders().for_each(visit);
  }
  /// Every segment of a topic of this name of which something is here, whatever the metadata says.
  Result<std::vector<storage::SegmentKey>> copies(std::string_view name, TopicId topic) const {
    return shards_[directory_.shard_of(name)]->store->list(topic);
  }
  /// Payloads of a segment as this node's store has them, in order.
  Result<std::vector<std::string>> read_segment(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                                                io::SimWorld& world);

 private:
  struct Shard {
    std::unique_ptr<io::Transport> transport;
    std::unique_ptr<metadata::MetadataClient> metadata;
    std::unique_ptr<storage::ShardStore> store;
    std::unique_ptr<broker::Broker> broker;
    std::unique_ptr<controller::Takeover> takeover;
    std::unique_ptr<controller::Repair> repair;
    std::unique_ptr<controller::Scrubber> scrubber;
    std::unique_ptr<controller::Disposal> disposal;
  };

  SimNode(io::SimLoop& loop, const SimNodeOptions& options) : loop_(loop), options_(options) {}
  Status open(io::SimNetwork& network, io::SimDisk& disk);
  std::unique_ptr<io::Transport> make_transport(io::SimNetwork& network, std::uint32_t channel);
  Status open_metadata(io::SimDisk& disk);
  Status open_shard(io::SimNetwork& network, io::SimDisk& disk, std::uint32_t number);
  void open_repair(Shard& shard, std::uint32_t number);

  io::SimLoop& loop_;
  const SimNodeOptions options_;
  std::unique_ptr<io::Transport> transport_;
  std::unique_ptr<metadata::MetadataService> metadata_;
  std::unique_ptr<controller::Controller> controller_;
  metadata::MetadataClient::Subscription addresses_;
  broker::ShardDirectory directory_;
  controller::RepairCounters repair_counters_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<broker::Router> router_;
  bool refused_ = false;
  bool asked_ = false;
};

}  // namespace walrus::sim
