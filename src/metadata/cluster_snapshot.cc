// ClusterState to bytes and back, and the check of what must hold in every state.
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "metadata/cluster_state.h"
#include "metadata/group_message.h"
#include "metadata/topic_settings.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {
namespace {

constexpr std::uint32_t kFormat = 1;

void write_node(const NodeInfo& from, Snapshot::Node& to) {
  to.set_node_id(from.id.value());
  to.set_disk_id(uuid_bytes(from.disk_id));
  to.set_raft_id(from.raft_id.value());
  to.set_peer_address(from.peer_address);
  to.set_client_address(from.client_address);
  to.set_state(static_cast<std::uint32_t>(from.state));
  to.set_incarnation(from.incarnation);
  to.set_draining(from.draining);
  for (const Uuid& disk : from.former_disks) to.add_former_disks(uuid_bytes(disk));
}

void write_group(const std::string& name, const GroupInfo& from, Snapshot::Group& to) {
  to.set_name(name);
  to.set_offset(from.offset.value());
  to.set_generation(from.generation);
  to.set_revision(from.revision);
  if (from.queue) *to.mutable_queue() = to_message(*from.queue);
}

Result<GroupInfo> read_group(const Snapshot::Group& from) {
  GroupInfo group{
      .offset = Offset(from.offset()), .generation = from.generation(), .revision = from.revision(), .queue = nullptr};
  if (from.has_queue()) {
    WALRUS_ASSIGN(QueueInfo queue, queue_from(from.queue(), group.offset));
    group.queue = std::make_shared<const QueueInfo>(std::move(queue));
  }
  return group;
}

void write_topic(const TopicInfo& from, const Groups& groups, Snapshot::Topic& to) {
  to.set_id(from.id.value());
  to.set_name(from.name);
  to.set_segment_entries(from.segment_entries);
  for (const auto& [name, group] : groups) write_group(name, group, *to.add_groups());
  to.set_replicas_wanted(from.replicas_wanted);
  *to.mutable_settings() = to_settings(from.options);
  to.set_options_version(from.options_version);
  to.set_token(from.token);
  for (const SegmentInfo& segment : from.segments) {
    Snapshot::Segment& written = *to.add_segments();
    written.set_id(segment.id.value());
    written.set_base(segment.base.value());
    written.set_end(segment.end.value());
    written.set_epoch(segment.epoch.value());
    written.set_state(static_cast<std::uint32_t>(segment.state));
    written.set_leader(segment.leader.value());
    for (const NodeId replica : segment.replicas) written.add_replicas(replica.value());
    written.set_seal_epoch(segment.seal_epoch.value());
    written.set_recoverer(segment.recoverer.value());
    written.set_lose_data(segment.lose_data);
    written.set_hash(segment.hash);
    written.set_bytes(segment.bytes);
    written.set_latest_ms(segment.latest_ms);
    for (const Discard& discard : segment.discards) {
      Snapshot::Discard& to_discard = *written.add_discards();
      to_discard.set_node_id(discard.node.value());
      to_discard.set_version(discard.version);
    }
    written.set_discarded(segment.discarded);
  }
}

Result<SegmentInfo> read_segment(const Snapshot::Segment& from) {
  if (from.state() > static_cast<std::uint32_t>(SegmentState::kSealed)) {
    return fail(ErrorCode::kCorrupt, "snapshot: segment state");
  }
  SegmentInfo segment{.id = SegmentId(from.id()),
                      .base = Offset(from.base()),
                      .end = Offset(from.end()),
                      .epoch = Epoch(from.epoch()),
                      .state = static_cast<SegmentState>(from.state()),
                      .leader = NodeId(from.leader()),
                      .replicas = {},
                      .seal_epoch = Epoch(from.seal_epoch()),
                      .recoverer = NodeId(from.recoverer()),
                      .lose_data = from.lose_data(),
                      .hash = from.hash(),
                      .bytes = from.bytes(),
                      .latest_ms = from.latest_ms(),
                      .discards = {},
                      .discarded = from.discarded()};
  for (const Snapshot::Discard& discard : from.discards()) {
    segment.discards.push_back({.node = NodeId(discard.node_id()), .version = discard.version()});
  }
  for (const std::uint64_t replica : from.replicas()) segment.replicas.emplace_back(replica);
  return segment;
}

std::string broken_in_topic(const TopicInfo& topic, Version version, const Groups& groups) {
  if (topic.segments.empty()) return fmt::format("topic {} has no segment", topic.name);
  for (std::size_t i = 0; i < topic.segments.size(); ++i) {
    const SegmentInfo& segment = topic.segments[i];
    const bool is_last = i + 1 == topic.segments.size();
    if (!is_last && !segment.sealed()) return fmt::format("I7: {} goes on behind an open segment", topic.name);
    if (segment.sealed() && segment.end < segment.base) return fmt::format("I2: {} ends before its base", topic.name);
    if (segment.epoch.value() > version) return fmt::format("{} has an epoch from the future", topic.name);
    if ((segment.state == SegmentState::kSealing) != (segment.seal_epoch != Epoch())) {
      return fmt::format("{}: a seal epoch without a seal under way, or the reverse", topic.name);
    }
    for (const Discard& discard : segment.discards) {
      if (segment.has_replica(discard.node)) return fmt::format("I8: {} lists a copy that is to go", topic.name);
    }
    if (segment.replicas.empty() && !segment.sealed()) return fmt::format("{} is open without replicas", topic.name);
    if (is_last) break;
    const SegmentInfo& next = topic.segments[i + 1];
    if (next.base != segment.end) return fmt::format("I6: {} has a gap or an overlap", topic.name);
    if (next.id.value() != segment.id.value() + 1) return fmt::format("{} misses a segment", topic.name);
    if (next.epoch <= segment.epoch) return fmt::format("{}: an epoch does not grow", topic.name);
  }
  for (const auto& [name, group] : groups) {
    if (group.offset < topic.start()) return fmt::format("{}'s group {} is before what is kept", topic.name, name);
    const bool too_far = topic.last().sealed() && group.offset > topic.last().end;
    if (too_far) return fmt::format("I11: {}'s group {} is too far", topic.name, name);
  }
  return {};
}

}  // namespace

std::string ClusterState::snapshot() const {
  Snapshot to;
  to.set_format(kFormat);
  to.set_version(draft_.version_);
  if (!draft_.cluster_id_.is_nil()) to.set_cluster_id(uuid_bytes(draft_.cluster_id_));
  for (const auto& [id, node] : *draft_.nodes_) write_node(node, *to.add_nodes());

  std::vector<TopicPtr> topics;  // the buckets are hash tables: sorted, so that equal states give equal bytes
  for (const auto& ids : draft_.ids_) {
    for (const auto& [id, topic] : ids->topics) topics.push_back(topic);
  }
  std::ranges::sort(topics, {}, [](const TopicPtr& topic) { return topic->id; });
  for (const TopicPtr& topic : topics) write_topic(*topic, *draft_.groups(*topic), *to.add_topics());
  for (const auto& [id, topic] : *draft_.deleted_) {
    Snapshot::DeletedTopic& deleted = *to.add_deleted_topics();
    deleted.set_id(id.value());
    deleted.set_name(topic.name);
    for (const NodeId node : topic.nodes) deleted.add_nodes(node.value());
  }
  for (const auto& [registered, producer] : producers_) {
    Snapshot::Producer& written = *to.add_producers();
    written.set_name(producer->name);
    written.set_id(producer->id.value());
    written.set_epoch(producer->epoch);
    written.set_instance(producer->instance);
    written.set_registered(registered);
  }
  return to.SerializeAsString();
}

Status ClusterState::restore(std::string_view bytes) {
  Snapshot from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(ErrorCode::kCorrupt, "snapshot: not a protobuf message");
  }
  if (from.format() != kFormat) {
    return fail(ErrorCode::kUnsupported, fmt::format("snapshot: format {}", from.format()));
  }
  ClusterState fresh;
  fresh.draft_.version_ = from.version();
  fresh.draft_.cluster_id_ = uuid_from_bytes(from.cluster_id());
  WALRUS_TRY(fresh.restore_nodes(from));
  WALRUS_TRY(fresh.restore_topics(from));
  WALRUS_TRY(fresh.restore_producers(from));
  if (const std::string broken = fresh.broken_invariant(); !broken.empty()) {
    return fail(ErrorCode::kCorrupt, "snapshot: " + broken);
  }
  fresh.count_leaders();
  *this = std::move(fresh);
  return {};
}

Status ClusterState::restore_nodes(const Snapshot& from) {
  for (const Snapshot::Node& read : from.nodes()) {
    const auto state = static_cast<NodeState>(read.state());
    if (state != NodeState::kUp && state != NodeState::kDown && state != NodeState::kRemoved) {
      return fail(ErrorCode::kCorrupt, "snapshot: node state");
    }
    NodeInfo node{.id = NodeId(read.node_id()),
                  .disk_id = uuid_from_bytes(read.disk_id()),
                  .raft_id = RaftId(read.raft_id()),
                  .peer_address = read.peer_address(),
                  .client_address = read.client_address(),
                  .state = state,
                  .draining = read.draining(),
                  .incarnation = read.incarnation(),
                  .former_disks = {}};
    for (const std::string& disk : read.former_disks()) node.former_disks.push_back(uuid_from_bytes(disk));
    if (!nodes_for_writing().emplace(node.id, node).second) return fail(ErrorCode::kCorrupt, "snapshot: a node twice");
  }
  return {};
}

Status ClusterState::restore_topics(const Snapshot& from) {
  for (const Snapshot::Topic& read : from.topics()) {
    auto topic = std::make_shared<TopicInfo>();
    topic->id = TopicId(read.id());
    topic->name = read.name();
    topic->segment_entries = read.segment_entries();
    topic->replicas_wanted = std::max<std::uint32_t>(1, read.replicas_wanted());
    WALRUS_TRY(apply_settings(read.settings(), topic->options));
    topic->options_version = read.options_version();
    topic->token = read.token();
    if (draft_.find_topic(topic->id) != nullptr || draft_.find_topic(topic->name) != nullptr) {
      return fail(ErrorCode::kCorrupt, "snapshot: a topic twice");
    }
    std::vector<SegmentInfo> segments;
    for (const Snapshot::Segment& segment : read.segments()) {
      WALRUS_ASSIGN(segments.emplace_back(), read_segment(segment));
      if (segments.back().lost()) ++draft_.lost_segments_;
    }
    topic->segments = SegmentList(std::move(segments));
    if (read.shared_cursor() != 0) {
      groups_for_writing(*topic)[std::string(kSharedGroup)].offset = Offset(read.shared_cursor());
    }
    for (const Snapshot::Group& group : read.groups()) {
      WALRUS_ASSIGN(groups_for_writing(*topic)[group.name()], read_group(group));
    }
    put_topic(std::move(topic));
  }
  for (const Snapshot::DeletedTopic& read : from.deleted_topics()) {
    if (draft_.find_topic(TopicId(read.id())) != nullptr || read.nodes().empty()) {
      return fail(ErrorCode::kCorrupt, "snapshot: a deleted topic");
    }
    DeletedTopic& topic = deleted_for_writing()[TopicId(read.id())];
    topic.name = read.name();
    for (const std::uint64_t node : read.nodes()) topic.nodes.insert(NodeId(node));
  }
  return {};
}

std::string ClusterState::broken_invariant() const {
  for (const auto& ids : draft_.ids_) {
    for (const auto& [id, topic] : ids->topics) {
      if (draft_.find_topic(topic->name) != topic) return fmt::format("{} is not found by name", topic->name);
      std::string broken = broken_in_topic(*topic, draft_.version_, *draft_.groups(*topic));
      if (!broken.empty()) return broken;
    }
  }
  return {};
}

}  // namespace walrus::metadata
