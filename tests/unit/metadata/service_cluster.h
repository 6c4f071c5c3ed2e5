// A cluster of MetadataServices in the simulator: a loop, a disk and a transport per node.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/sim/sim_disk.h"
#include "io/sim/sim_network.h"
#include "metadata/metadata_service.h"

namespace walrus::metadata::test {

struct ServiceNode {
  NodeId id;
  Uuid disk_id;
  std::string address;
  std::optional<Uuid> cluster_id;  // the identity file
  std::unique_ptr<io::SimDisk> disk;
  io::SimLoop* loop = nullptr;
  std::unique_ptr<io::Transport> transport;
  std::unique_ptr<MetadataService> service;
  std::optional<Error> open_error;
  std::optional<Error> refusal;
  std::optional<Error> failure;

  bool up() const { return service != nullptr; }
  ViewPtr view() const { return service->client().view(); }
};

class ServiceCluster {
 public:
  explicit ServiceCluster(std::uint64_t seed) : world(seed), network(world) {}
  ~ServiceCluster();

  /// Makes the node when it is new, and starts its process. False when open() refuses (see open_error).
  bool start(std::uint64_t id, std::vector<std::string> join = {});
  void crash(std::uint64_t id, io::CrashModel model = io::CrashModel::kLoseUnsynced);
  /// A clean end of the process.
  void stop(std::uint64_t id);
  ServiceNode& node(std::uint64_t id) { return *nodes.at(id); }
  static std::string address_of(std::uint64_t id);

  /// Starts 1..n; 1 makes the cluster, the others join it. Waits until all are voters (standbys past five).
  void form(std::uint64_t n);
  bool run_until(const std::function<bool()>& predicate, io::Duration limit = std::chrono::seconds(20)) {
    return world.run_until(predicate, limit);
  }
  ServiceNode* leader();
  ServiceNode* await_leader();
  /// Through the node's own client; waits for the answer.
  Result<Applied> propose(std::uint64_t at, Command command);
  Result<Applied> create_topic(std::uint64_t at, const std::string& name);
  /// All nodes that are up have the same view of everything.
  bool agree();

  io::SimWorld world;
  io::SimNetwork network;
  std::map<std::uint64_t, std::unique_ptr<ServiceNode>> nodes;
  std::chrono::milliseconds election_timeout{300};
};

Command create_topic_command(const std::string& name);
Command set_node_state_command(const ServiceNode& node, NodeState state);

}  // namespace walrus::metadata::test
