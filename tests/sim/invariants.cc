#include "tests/sim/invariants.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

namespace walrus::sim {

namespace {

/// How many segments from the end of a topic are looked at after each step, and when the node's view has changed; older
/// ones have been.
constexpr std::size_t kRecent = 2;
constexpr std::size_t kRecentInNewView = 6;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

std::uint64_t digest_of(const metadata::View& view) {
  std::uint64_t hash = 1;
  for (const auto& [id, node] : view.nodes()) {
    hash = mix(mix(hash, id.value()), static_cast<std::uint64_t>(node.state));
  }
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view.bucket(i).topics) {
      hash = mix(mix(hash, topic->id.value()), view.shared_cursor(*topic).value());
      for (const metadata::SegmentInfo& segment : topic->segments) {
        hash = mix(mix(hash, segment.epoch.value()), segment.end.value());
        hash = mix(mix(hash, static_cast<std::uint64_t>(segment.state)), segment.seal_epoch.value());
        for (const NodeId replica : segment.replicas) hash = mix(hash, replica.value());
        for (const metadata::Discard& discard : segment.discards) {
          hash = mix(mix(hash, discard.node.value()), discard.version);
        }
        hash = mix(hash, segment.discarded);
      }
    }
  }
  return hash;
}

}  // namespace

void Invariants::watch(const Workload& workload) {
  for (const std::string& topic : workload.topics()) history_.expect_once(topic);
  cluster_.world().set_observer([this](const io::SimLoop& loop) { look_after(loop); });
}

WorkloadEvents Invariants::events() {
  return {
      .acknowledged = [this](const std::string& topic, const std::string& record,
                             auto offset) { history_.acknowledged(topic, record, offset); },
      .delivered = [this](const std::string& topic, const std::string& record) { history_.delivered(topic, record); }};
}

void Invariants::found(std::string what) {
  if (!violation_.empty()) return;
  const double seconds = std::chrono::duration<double>(cluster_.world().now().time_since_epoch()).count();
  violation_ = fmt::format("{} (seen at {:.3f} s)", what, seconds);
}

void Invariants::look_after(const io::SimLoop& loop) {
  if (SimNode* node = cluster_.node_on(loop)) return look_at_node(*node);
  // A client's step is a step of the nodes that it has called.
  for (const NodeId id : cluster_.up()) {
    if (SimNode& node = *cluster_.node(id); node.was_asked()) look_at_node(node);
  }
}

void Invariants::look_at_node(const SimNode& node) {
  ++looks_;
  const std::size_t recent = note_view(node.id(), node.view()) ? kRecentInNewView : kRecent;
  // A wiped node that is not taken in again yet has nothing to do with what the metadata says of its former disk.
  const metadata::NodeInfo* known = newest_->find_node(node.id());
  const Uuid disk_id = cluster_.disk_id(node.id());
  if (known == nullptr || known->disk_id != disk_id) return;
  const Disk disk{node.id(), disk_id.high(), disk_id.low()};
  for (const metadata::TopicPtr& topic : topics_) look_at_replicas(node, disk, *topic, recent);
  node.for_each_leader([&](const broker::TopicLeader& leader) { look_at_leader(disk, leader); });
}

void Invariants::look_at_leader(const Disk& disk, const broker::TopicLeader& leader) {
  const storage::SegmentKey key{leader.topic(), leader.segment()};
  const auto replicas = replicas_.find(key);
  const metadata::TopicPtr topic = newest_->find_topic(key.topic);
  const metadata::SegmentInfo* segment = topic ? topic->find(key.segment) : nullptr;
  if (replicas == replicas_.end() || segment == nullptr || leader.commit() == segment->base) return;
  Offset& last = commits_[{disk.node, key}];
  if (std::exchange(last, leader.commit()) == leader.commit()) return;
  const auto place = history_.at(key, seen_[key][disk].head, leader.commit());
  if (!place) {
    return found(fmt::format("I1: node {} commits {} segment {} up to {}, which is no place in its own copy", disk.node,
                             topic->name, key.segment, leader.commit()));
  }
  const std::size_t wanted = replicas->second.size() / 2 + 1;
  if (const std::size_t have = holders(key, *place); have < wanted) {
    found(fmt::format("I1: node {} commits {} segment {} up to {}, which {} of {} replicas have on disk", disk.node,
                      topic->name, key.segment, place->end, have, replicas->second.size()));
  }
  history_.commit(*topic, key, *place);
}

/// Replicas that have, or had before their disk was lost, everything up to there on disk.
std::size_t Invariants::holders(storage::SegmentKey segment, History::Place place) const {
  std::set<NodeId> nodes;
  for (const auto& [disk, seen] : seen_.at(segment)) {
    if (history_.contains(segment, seen.proof, place)) nodes.insert(disk.node);
  }
  const std::vector<NodeId>& replicas = replicas_.at(segment);
  return static_cast<std::size_t>(std::ranges::count_if(replicas, [&](NodeId node) { return nodes.contains(node); }));
}

/// True when it is another one than before.
bool Invariants::note_view(NodeId node, const metadata::ViewPtr& view) {
  metadata::ViewPtr& last = views_[node];
  if (last == view) return false;
  last = view;
  look_at_view(*view);
  if (view->version() <= newest_->version()) return true;
  newest_ = view;
  topics_.clear();
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view->bucket(i).topics) topics_.push_back(topic);
  }
  return true;
}

void Invariants::look_at_view(const metadata::View& view) {
  const std::uint64_t digest = digest_of(view);
  const auto [known, fresh] = digests_.try_emplace(view.version(), digest);
  if (!fresh) {
    if (known->second != digest) found(fmt::format("I12: two states of version {}", view.version()));
    return;
  }
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view.bucket(i).topics) look_at_topic(view, *topic);
  }
}

void Invariants::look_at_topic(const metadata::View& view, const metadata::TopicInfo& topic) {
  for (std::size_t i = 0; i < topic.segments.size(); ++i) {
    const metadata::SegmentInfo& segment = topic.segments[i];
    const bool last = i + 1 == topic.segments.size();
    if (segment.sealed() == last) found(fmt::format("I7: {} has segments behind one that is not sealed", topic.name));
    if (segment.sealed()) {
      look_at_sealed(view, topic, segment);
    } else {
      replicas_.try_emplace({topic.id, segment.id}, segment.replicas);
    }
    if (segment.sealed() && !last && topic.segments[i + 1].base != segment.end) {
      found(fmt::format("I6: {} segment {} does not begin where the one before ends", topic.name, segment.id));
    }
  }
  look_at_cursor(view, topic);
}

void Invariants::look_at_sealed(const metadata::View& view, const metadata::TopicInfo& topic,
                                const metadata::SegmentInfo& segment) {
  const storage::SegmentKey key{topic.id, segment.id};
  const Sealed now{segment.end, segment.hash};
  const auto [known, fresh] = sealed_.try_emplace(key, now);
  if (!fresh && known->second != now) {
    found(fmt::format("I2: {} segment {} ends at {} and at {}", topic.name, segment.id, known->second.end, now.end));
  }
  if (fresh) history_.seal(topic, segment);
  const auto replicas = replicas_.find(key);
  if (!fresh || replicas == replicas_.end()) return;
  // Whoever has another disk since the segment opened was struck off.
  const bool same_disks = std::ranges::all_of(view.nodes(), [&](const auto& node) {
    return view.original(segment, node.first) && node.second.state != metadata::NodeState::kRemoved;
  });
  // Nor can a damaged copy become one of those that hold everything.
  const bool sound = std::ranges::all_of(cluster_.up(), [&](NodeId id) {
    const storage::Segment* replica = cluster_.node(id)->replica(topic, segment.id);
    return replica == nullptr || replica->status();
  });
  if (same_disks && sound && segment.replicas.size() < replicas->second.size() / 2 + 1) {
    found(fmt::format("I1: {} segment {} of {} replicas is sealed with {} holders", topic.name, segment.id,
                      replicas->second.size(), segment.replicas.size()));
  }
}

void Invariants::look_at_cursor(const metadata::View& view, const metadata::TopicInfo& topic) {
  auto& cursors = cursors_[topic.id];
  const Offset cursor = view.shared_cursor(topic);
  cursors[view.version()] = cursor;
  const auto here = cursors.find(view.version());
  const bool before = here != cursors.begin() && std::prev(here)->second > cursor;
  const bool after = std::next(here) != cursors.end() && std::next(here)->second < cursor;
  if (before || after) found(fmt::format("I11: the cursor of {} moved back", topic.name));
  if (cursor > history_.committed(topic)) {
    found(
        fmt::format("I11: the cursor of {} is at {}, committed is {}", topic.name, cursor, history_.committed(topic)));
  }
}

void Invariants::look_at_replicas(const SimNode& node, const Disk& disk, const metadata::TopicInfo& topic,
                                  std::size_t recent) {
  const std::size_t first = topic.segments.size() > recent ? topic.segments.size() - recent : 0;
  for (std::size_t i = first; i < topic.segments.size(); ++i) {
    const metadata::SegmentInfo& segment = topic.segments[i];
    storage::Segment* replica = node.replica(topic, segment.id);
    if (replica != nullptr) look_at_replica(disk, topic, segment, *replica);
  }
}

void Invariants::look_at_replica(const Disk& disk, const metadata::TopicInfo& topic,
                                 const metadata::SegmentInfo& segment, storage::Segment& replica) {
  const storage::SegmentKey key{topic.id, segment.id};
  Seen& seen = seen_[key][disk];
  if (replica.status()) look_at_content(disk, topic, segment, replica, seen);
  // Only then can it have become less than what it has answered with.
  if (seen.heard != pledges_.heard() || replica.promised() < seen.promised) {
    const Epoch promise = pledges_.promised(disk.node, key);
    if (replica.promised() < promise) {
      found(fmt::format("I9: node {} has promised epoch {} for {} segment {} and knows only of {}", disk.node, promise,
                        topic.name, segment.id, replica.promised()));
    }
    seen.heard = pledges_.heard();
  }
  seen.promised = replica.promised();
  if (!segment.sealed() && replica.durable_end() < seen.durable && replica.status()) {
    found(fmt::format("I9: node {} had {} segment {} durable up to {}, and has it up to {}", disk.node, topic.name,
                      segment.id, seen.durable, replica.durable_end()));
  }
  seen.durable = std::max(seen.durable, replica.durable_end());
  if (segment.sealed() && segment.has_replica(disk.node) && replica.status() && replica.durable_end() < segment.end) {
    found(fmt::format("I8: node {} is a holder of {} segment {} up to {} and has it up to {}", disk.node, topic.name,
                      segment.id, segment.end, replica.durable_end()));
  }
}

/// Of a copy that is not damaged.
void Invariants::look_at_content(const Disk& disk, const metadata::TopicInfo& topic,
                                 const metadata::SegmentInfo& segment, storage::Segment& replica, Seen& seen) {
  const History::Place head{replica.end(), replica.hash()};
  if (head == seen.head && replica.durable_end() == seen.proof.end) return;
  if (head != seen.head) seen.head = history_.learn(replica, seen.head);
  const storage::SegmentKey key{topic.id, segment.id};
  seen.proof = history_.at(key, seen.head, replica.durable_end()).value_or(History::Place());
  if (segment.sealed() && segment.has_replica(disk.node) && seen.proof.end == segment.end &&
      seen.proof.hash != segment.hash) {
    found(fmt::format("I8: node {} is a holder of {} segment {} and has other content", disk.node, topic.name,
                      segment.id));
  }
}

}  // namespace walrus::sim
