#include "tests/sim/sim_cluster.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/planted_bug.h"

namespace walrus::sim {

using namespace std::chrono_literals;

SimCluster::SimCluster(const SimClusterOptions& options)
    : options_(options), world_(options.seed, io::SimWorld::Order::kShuffled), network_(world_) {
  for (std::size_t i = 1; i <= options_.nodes; ++i) disks_[NodeId(i)] = std::make_unique<io::SimDisk>(world_);
}

SimCluster::~SimCluster() {
  for (const NodeId id : up()) kill_process(id);
}

SimNodeOptions SimCluster::options_for(NodeId id) const {
  const auto wiped = wipes_.find(id);
  const std::uint64_t wipes = wiped == wipes_.end() || planted(PlantedBug::kWipedDiskKeepsItsName) ? 0 : wiped->second;
  SimNodeOptions options{.id = id,
                         .disk_id = Uuid(options_.seed, id.value() + 1000 * wipes),
                         .join = {},
                         .shards = options_.shards,
                         .replication_factor = options_.replication_factor,
                         .segment_entries = options_.segment_entries};
  // A node whose disk was replaced joins like a new one; the first one joins at the second then.
  if (id != NodeId(1)) options.join = {address_of(NodeId(1))};
  if (id == NodeId(1) && wiped != wipes_.end()) options.join = {address_of(NodeId(2))};
  return options;
}

bool SimCluster::form() {
  for (const NodeId id : ids()) {
    restart(id);
    if (!world_.run_until([&] { return node(id)->ready(); }, 30s)) return false;
  }
  const auto voters = static_cast<std::ptrdiff_t>(std::min(ids().size(), limits::kMaxVoters));
  const auto sees_all = [&](NodeId id) {
    const auto& nodes = node(id)->view()->nodes();
    return nodes.size() == ids().size() &&
           std::ranges::count_if(nodes, [](const auto& entry) { return entry.second.voter; }) == voters;
  };
  return world_.run_until([&] { return std::ranges::all_of(ids(), sees_all); }, 30s);
}

void SimCluster::restart(NodeId id) {
  WALRUS_ASSERT(!is_up(id));
  auto started = SimNode::start(world_, network_, *disks_.at(id), options_for(id));
  WALRUS_ASSERT(started.has_value(), started ? "" : started.error().message());
  nodes_[id] = std::move(*started);
}

void SimCluster::stop(NodeId id) {
  // Nothing of a dying node reaches the others.
  network_.isolate(id);
  nodes_.erase(id);
  network_.heal_all();
}

void SimCluster::kill_process(NodeId id) {
  disks_.at(id)->kill_process();
  stop(id);
}

void SimCluster::cut_power(NodeId id, io::CrashModel model) {
  disks_.at(id)->power_off();
  stop(id);
  disks_.at(id)->crash(model);
}

void SimCluster::wipe(NodeId id) {
  ++wipes_[id];
  if (is_up(id)) {
    disks_.at(id)->power_off();
    stop(id);
  }
  disks_.at(id)->wipe();
}

SimNode* SimCluster::node(NodeId id) {
  const auto it = nodes_.find(id);
  return it == nodes_.end() ? nullptr : it->second.get();
}

std::vector<NodeId> SimCluster::ids() const {
  std::vector<NodeId> result;
  for (const auto& [id, disk] : disks_) result.push_back(id);
  return result;
}

std::vector<NodeId> SimCluster::up() const {
  std::vector<NodeId> result;
  for (const auto& [id, node] : nodes_) result.push_back(id);
  return result;
}

metadata::ViewPtr SimCluster::newest_view() const {
  metadata::ViewPtr newest = metadata::View::empty();
  for (const auto& [id, node] : nodes_) {
    if (node->view()->version() > newest->version()) newest = node->view();
  }
  return newest;
}

std::optional<NodeId> SimCluster::raft_leader() const {
  for (const auto& [id, node] : nodes_) {
    if (node->leads_raft()) return id;
  }
  return std::nullopt;
}

}  // namespace walrus::sim
