// A whole cluster in one thread on virtual time, under one seed: nodes, disks, network, and the faults of all three.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "tests/sim/sim_node.h"

namespace walrus::sim {

struct SimClusterOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::uint32_t shards = 2;
  std::uint32_t replication_factor = 3;
  std::uint64_t segment_entries = 50;
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
  /// On its disk as it is.
  void restart(NodeId node);
  /// The process stands still while time goes on for all others.
  void pause(NodeId node) {
    if (is_up(node)) nodes_.at(node)->loop().pause();
  }
  void resume(NodeId node) {
    if (is_up(node)) nodes_.at(node)->loop().resume();
  }
  bool is_up(NodeId node) const { return nodes_.contains(node); }

  SimNode* node(NodeId id);
  std::vector<NodeId> ids() const;
  std::vector<NodeId> up() const;
  /// The newest view that a node has.
  metadata::ViewPtr newest_view() const;
  std::optional<NodeId> raft_leader() const;

  io::SimWorld& world() { return world_; }
  io::SimNetwork& network() { return network_; }
  io::SimDisk& disk(NodeId id) { return *disks_.at(id); }

 private:
  SimNodeOptions options_for(NodeId id) const;
  void stop(NodeId id);

  const SimClusterOptions options_;
  io::SimWorld world_;
  io::SimNetwork network_;
  std::map<NodeId, std::unique_ptr<io::SimDisk>> disks_;
  std::map<NodeId, std::uint64_t> wipes_;  // how often
  std::map<NodeId, std::unique_ptr<SimNode>> nodes_;
};

}  // namespace walrus::sim
