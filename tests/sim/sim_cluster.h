// A whole cluster in one thread on virtual time, under one seed: nodes, disks, network, and the faults of all three.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "tests/sim/sim_node.h"

namespace walrus::sim {

struct SimClusterOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::uint32_t shards = 2;
  std::uint32_t replication_factor = 3;
  std::uint64_t segment_entries = 50;
  SyncPolicy fsync = {};
};

class SimCluster {
 public:
  explicit SimCluster(const SimClusterOptions& options);
  ~SimCluster();

  /// Starts every node and waits until all have a leader, see each other, and vote; false after 30 virtual seconds
  /// without that.
  bool form();

  /// The process is gone; its disk keeps what the model leaves (kill_process keeps the page cache).
  void kill_process(NodeId node);
  void cut_power(NodeId node, io::CrashModel model);
  /// The process is gone, and everything on its disk. What is started next in its place has a disk of another identity.
  void wipe(NodeId node);
  /// On its disk as it is. A start that its disk does not allow (it is full) is an error, and the node is not up.
  Status try_restart(NodeId node);
  /// The same where nothing stands in the way.
  void restart(NodeId node);
  /// Bit rot: flips bits somewhere in this node's copy of a segment that is sealed and written out, which `choice`
  /// picks. False when it has none.
  bool rot(NodeId node, std::uint64_t choice);
  /// The same of the last place in its write-ahead log at which these bytes stand.
  bool rot_in_log(NodeId node, std::string_view bytes);
  /// From its next start on the node is of a later version.
  void upgrade(NodeId node) { newer_.insert(node); }
  /// A node that was removed from the cluster: its process has ended, and nobody starts it again.
  void forget(NodeId node);
  /// The process stands still while time goes on for all others.
  void pause(NodeId node) {
    if (is_up(node)) nodes_.at(node)->loop().pause();
  }
  void resume(NodeId node) {
    if (is_up(node)) nodes_.at(node)->loop().resume();
  }
  bool is_up(NodeId node) const { return nodes_.contains(node) && !nodes_.at(node)->refused(); }
  /// Of the disk that the node has, or had when it was last up: another one after wipe().
  Uuid disk_id(NodeId node) const;

  SimNode* node(NodeId id);
  /// The one that runs on this loop and is up; null for the environment's.
  SimNode* node_on(const io::SimLoop& loop) const;
  std::vector<NodeId> ids() const;
  std::vector<NodeId> up() const;
  /// The newest view that a node has.
  metadata::ViewPtr newest_view() const;
  std::optional<NodeId> raft_leader() const;
  /// No segment lies on this node alone, nor would one if it were gone.
  bool can_spare(NodeId node) const;
  /// A sealed segment with fewer holders than its topic wants and nodes are there, in words; empty when there is none.
  std::string missing_copy() const;
  /// A copy that goes on beyond the end of its segment, or ends before it, in words; empty when there is none.
  std::string uncut_copy() const;
  /// Every topic's last segment, its part in the cluster and its replicas, in words: what stands in the way of writers.
  std::string open_segments() const;
  /// A copy on a node that is up, and of which there are enough without it, in words; empty when there is none.
  std::string surplus_copy() const;

  io::SimWorld& world() { return world_; }
  io::SimNetwork& network() { return network_; }
  io::SimDisk& disk(NodeId id) { return *disks_.at(id); }

 private:
  SimNodeOptions options_for(NodeId id) const;
  std::string replica_in_words(const metadata::View& view, const metadata::TopicInfo& topic, NodeId id) const;
  void stop(NodeId id);
  std::vector<storage::SegmentKey> sealed_copies(NodeId id) const;

  const SimClusterOptions options_;
  io::SimWorld world_;
  io::SimNetwork network_;
  std::map<NodeId, std::unique_ptr<io::SimDisk>> disks_;
  std::vector<std::unique_ptr<io::SimDisk>> removed_;
  std::map<NodeId, std::uint64_t> wipes_;  // how often
  std::set<NodeId> rotten_;
  std::set<NodeId> newer_;
  std::map<NodeId, std::unique_ptr<SimNode>> nodes_;
};

}  // namespace walrus::sim
