#include "tests/sim/sim_cluster.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/planted_bug.h"
#include "metadata/placement.h"

namespace walrus::sim {

using namespace std::chrono_literals;

SimCluster::SimCluster(const SimClusterOptions& options)
    : options_(options), world_(options.seed, io::SimWorld::Order::kShuffled), network_(world_) {
  for (std::size_t i = 1; i <= options_.nodes; ++i) disks_[NodeId(i)] = std::make_unique<io::SimDisk>(world_);
}

SimCluster::~SimCluster() {
  for (const NodeId id : up()) kill_process(id);
}

Uuid SimCluster::disk_id(NodeId node) const {
  const auto wiped = wipes_.find(node);
  const std::uint64_t wipes = wiped == wipes_.end() || planted(PlantedBug::kWipedDiskKeepsItsName) ? 0 : wiped->second;
  return {options_.seed, node.value() + 1000 * wipes};
}

SimNodeOptions SimCluster::options_for(NodeId id) const {
  const auto wiped = wipes_.find(id);
  SimNodeOptions options{.id = id,
                         .disk_id = disk_id(id),
                         .join = {},
                         .shards = options_.shards,
                         .replication_factor = options_.replication_factor,
                         .segment_entries = options_.segment_entries,
                         .fsync = options_.fsync,
                         .may_be_damaged = rotten_.contains(id),
                         .newer_version = newer_.contains(id)};
  if (wiped != wipes_.end()) {  // joins like a new one, wherever it is let in
    for (const NodeId other : ids()) {
      if (other != id) options.join.push_back(address_of(other));
    }
  } else if (id != NodeId(1)) {
    options.join = {address_of(NodeId(1))};
  }
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

Status SimCluster::try_restart(NodeId id) {
  WALRUS_ASSERT(!is_up(id));
  auto started = SimNode::start(world_, network_, *disks_.at(id), options_for(id));
  if (!started) {
    disks_.at(id)->kill_process();  // what it has begun to write is under way all the same
    return fail(started.error());
  }
  nodes_[id] = std::move(*started);
  return {};
}

void SimCluster::restart(NodeId id) {
  const Status started = try_restart(id);
  WALRUS_ASSERT(started.has_value(), started ? "" : started.error().message());
}

void SimCluster::stop(NodeId id) {
  // Nothing of a dying node reaches the others.
  std::vector<NodeId> silenced;
  for (const NodeId other : ids()) {
    if (other == id || network_.is_cut(id, other)) continue;
    network_.cut(id, other);
    silenced.push_back(other);
  }
  nodes_.erase(id);
  for (const NodeId other : silenced) network_.heal(id, other);
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

std::vector<storage::SegmentKey> SimCluster::sealed_copies(NodeId id) const {
  std::vector<storage::SegmentKey> copies;
  const metadata::ViewPtr view = newest_view();
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view->bucket(i).topics) {
      for (const metadata::SegmentInfo& segment : topic->segments) {
        const storage::SegmentKey key{topic->id, segment.id};
        const auto written = disks_.at(id)->exists(file_of(key));
        if (segment.sealed() && segment.has_replica(id) && written && *written) copies.push_back(key);
      }
    }
  }
  return copies;
}

bool SimCluster::rot(NodeId id, std::uint64_t choice) {
  const std::vector<storage::SegmentKey> copies = sealed_copies(id);
  if (copies.empty()) return false;
  const std::string file = file_of(copies[choice % copies.size()]);
  const auto content = disks_.at(id)->read_file(file);
  if (!content || content->empty()) return false;
  rotten_.insert(id);
  disks_.at(id)->flip_bits(file, (choice / copies.size()) % content->size(), 0x55);
  return true;
}

SimNode* SimCluster::node(NodeId id) {
  const auto it = nodes_.find(id);
  return it == nodes_.end() ? nullptr : it->second.get();
}

SimNode* SimCluster::node_on(const io::SimLoop& loop) const {
  for (const auto& [id, node] : nodes_) {
    if (&node->loop() == &loop) return node->refused() ? nullptr : node.get();
  }
  return nullptr;
}

std::vector<NodeId> SimCluster::ids() const {
  std::vector<NodeId> result;
  for (const auto& [id, disk] : disks_) result.push_back(id);
  return result;
}

std::vector<NodeId> SimCluster::up() const {
  std::vector<NodeId> result;
  for (const auto& [id, node] : nodes_) {
    if (!node->refused()) result.push_back(id);
  }
  return result;
}

void SimCluster::forget(NodeId id) {
  disks_.at(id)->kill_process();
  stop(id);
  removed_.push_back(std::move(disks_.at(id)));  // what was under way on it still ends
  disks_.erase(id);
}

bool SimCluster::rot_in_log(NodeId id, std::string_view bytes) {
  io::SimDisk& disk = *disks_.at(id);
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
    const std::string directory = log_of(shard);
    for (const std::string& name : disk.list(directory).value_or(std::vector<std::string>())) {
      const auto content = disk.read_file(directory + "/" + name);
      const std::size_t place = content ? content->rfind(bytes) : std::string::npos;
      if (place == std::string::npos) continue;
      rotten_.insert(id);
      disk.flip_bits(directory + "/" + name, place, 0x55);
      return true;
    }
  }
  return false;
}

metadata::ViewPtr SimCluster::newest_view() const {
  metadata::ViewPtr newest = metadata::View::empty();
  for (const auto& [id, node] : nodes_) {
    if (node->view()->version() > newest->version()) newest = node->view();
  }
  return newest;
}

bool SimCluster::can_spare(NodeId node) const {
  const metadata::ViewPtr view = newest_view();
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view->bucket(i).topics) {
      for (const metadata::SegmentInfo& segment : topic->segments) {
        if (segment.has_replica(node) && segment.replicas.size() < 2) return false;
      }
    }
  }
  return true;
}

std::string SimCluster::missing_copy() const {
  const metadata::ViewPtr view = newest_view();
  const auto nodes = static_cast<std::size_t>(std::ranges::count_if(
      view->nodes(), [](const auto& node) { return node.second.state == metadata::NodeState::kUp; }));
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view->bucket(i).topics) {
      const std::size_t wanted = std::min<std::size_t>(topic->replicas_wanted, nodes);
      for (const metadata::SegmentInfo& segment : topic->segments) {
        if (!segment.sealed() || segment.replicas.size() >= wanted) continue;
        std::string holders;
        for (const NodeId holder : segment.replicas) holders += " " + std::to_string(holder.value());
        return name + " segment " + std::to_string(segment.id.value()) + " of " + std::to_string(wanted) +
               " copies is held by:" + holders;
      }
    }
  }
  return {};
}

std::string SimCluster::uncut_copy() const {
  const metadata::ViewPtr view = newest_view();
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view->bucket(i).topics) {
      for (const metadata::SegmentInfo& segment : topic->segments) {
        if (!segment.sealed()) continue;
        for (const NodeId holder : segment.replicas) {
          const auto node = nodes_.find(holder);
          const storage::Segment* copy = node != nodes_.end() ? node->second->replica(*topic, segment.id) : nullptr;
          if (copy == nullptr || copy->end() == segment.end) continue;
          return "node " + std::to_string(holder.value()) + " has " + name + " segment " +
                 std::to_string(segment.id.value()) + " up to " + std::to_string(copy->end().value()) +
                 "; its end is " + std::to_string(segment.end.value());
        }
      }
    }
  }
  return {};
}

std::string SimCluster::open_segments() const {
  const metadata::ViewPtr view = newest_view();
  std::string all;
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view->bucket(i).topics) {
      const metadata::SegmentInfo& last = topic->last();
      all += fmt::format("; {} segment {} of epoch {} is {}, led by {}, seal epoch {}, recoverer {}", name, last.id,
                         last.epoch, last.state == metadata::SegmentState::kOpen ? "open" : "being sealed", last.leader,
                         last.seal_epoch, last.recoverer);
      for (const NodeId id : last.replicas) all += "; " + replica_in_words(*view, *topic, id);
    }
  }
  return all;
}

std::string SimCluster::replica_in_words(const metadata::View& view, const metadata::TopicInfo& topic,
                                         NodeId id) const {
  const std::string name =
      fmt::format("node {}{}", id, view.original(topic.last(), id) ? "" : " (another disk by now)");
  const auto node = nodes_.find(id);
  if (node == nodes_.end()) return name + " is down";
  const storage::Segment* replica = node->second->replica(topic, topic.last().id);
  if (replica == nullptr) return name + " has nothing";
  return fmt::format("{} has {} to {}, durable to {}, promised {}, {}", name, replica->base(), replica->end(),
                     replica->durable_end(), replica->promised(),
                     replica->status() ? "well" : replica->status().error().message());
}

std::string SimCluster::surplus_copy() const {
  const metadata::ViewPtr view = newest_view();
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view->bucket(i).topics) {
      for (const auto& [id, node] : nodes_) {
        const auto copies = node->copies(name, topic->id);
        for (const storage::SegmentKey& key : copies.value_or(std::vector<storage::SegmentKey>())) {
          const metadata::SegmentInfo* segment = topic->find(key.segment);
          const bool useless = segment != nullptr && segment->sealed() && !segment->has_replica(id);
          const storage::Segment* open = useless ? node->replica(*topic, key.segment) : nullptr;
          const bool empty = open != nullptr && open->end() == open->base();  // looked for, and not there
          if (useless && !empty && metadata::enough_holders(*view, *topic, *segment)) {
            return "node " + std::to_string(id.value()) + " still has a copy of " + name + " segment " +
                   std::to_string(key.segment.value());
          }
        }
      }
    }
  }
  return {};
}

std::optional<NodeId> SimCluster::raft_leader() const {
  for (const auto& [id, node] : nodes_) {
    if (node->leads_raft()) return id;
  }
  return std::nullopt;
}

}  // namespace walrus::sim
