// What the cluster has agreed on, as an immutable snapshot. Made by cluster_state after each batch of applied commands,
// shared by all threads; the data path reads it and never waits for Raft.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/producer.h"
#include "base/sync_policy.h"
#include "metadata/groups.h"
#include "metadata/segments.h"

namespace walrus::metadata {

/// What is known of a node's life. 2 is not used.
enum class NodeState { kUp = 0, kDown = 1, kRemoved = 3 };

/// A topic that was deleted, while some node may still have files of it.
struct DeletedTopic {
  std::string name;        ///< that it had; it says which shard had it
  std::set<NodeId> nodes;  ///< that have not confirmed

  friend bool operator==(const DeletedTopic&, const DeletedTopic&) = default;
};

struct NodeInfo {
  NodeId id;
  Uuid disk_id;
  RaftId raft_id;
  std::string peer_address;    ///< host:port of the internal port
  std::string client_address;  ///< host:port of the client port
  NodeState state = NodeState::kUp;
  bool draining = false;           ///< is to hold nothing; what it has is copied elsewhere
  Version incarnation = 0;         ///< Raft index of the command that brought this disk
  std::vector<Uuid> former_disks;  ///< of this node id; never taken back
  bool member = false;             ///< of the Raft group; a removed node still is one until the group has agreed on it
  bool voter = false;

  /// Up, and meant to be: what is put there is to stay there.
  bool stays() const { return state == NodeState::kUp && !draining; }
};

/// What of a topic can change while it lives, beside how its next segments are to be. Retention is by whole segments
/// that are sealed, oldest first; 0: no bound.
struct TopicOptions {
  std::optional<SyncPolicy> fsync;  ///< none: the policy of the node
  std::uint64_t retention_ms = 0;
  std::uint64_t retention_bytes = 0;
  std::uint64_t retention_records = 0;
  std::uint64_t max_bytes_per_second = 0;  ///< that each node takes for the topic

  bool retains_all() const { return retention_ms == 0 && retention_bytes == 0 && retention_records == 0; }
  friend bool operator==(const TopicOptions&, const TopicOptions&) = default;
};

struct TopicInfo {
  TopicId id;
  std::string name;
  std::uint64_t segment_entries = 0;  ///< 0: the node's default
  std::uint32_t replicas_wanted = 1;  ///< for each new segment, capped by the nodes that are up
  TopicOptions options;
  Version options_version = 0;  ///< Raft index of the command that set them last
  std::uint64_t token = 0;      ///< writers that carry a lower one are refused
  SegmentList segments;         ///< from the first one kept; the last one is the open (or sealing) one

  /// The first offset that is kept: what lies before it was trimmed.
  Offset start() const { return segments.front().base; }
  const SegmentInfo& last() const { return segments.back(); }
  const SegmentInfo* find(SegmentId segment) const { return segments.find(segment); }
  /// The one behind a sealed segment of this topic.
  const SegmentInfo& after(const SegmentInfo& sealed) const;
  /// The segment that holds `offset`; the last one for an offset at or behind its base; null when trimmed away.
  const SegmentInfo* holding(Offset offset) const;
};

using TopicPtr = std::shared_ptr<const TopicInfo>;

/// The instance of an idempotent producer that has its name now.
struct ProducerInfo {
  ProducerId id;
  std::string name;
  std::uint16_t epoch = 0;     ///< batches of the name with a lower one are refused
  std::uint64_t instance = 0;  ///< what it called itself
  Version registered = 0;      ///< Raft index of the command that brought it
};
using ProducerPtr = std::shared_ptr<const ProducerInfo>;

class View {
 public:
  /// What a node sees before it has heard from a Raft leader: version 0, nothing in it.
  static std::shared_ptr<const View> empty();

  static constexpr std::size_t kBuckets = 256;
  struct Bucket {
    std::map<std::string, TopicPtr, std::less<>> topics;
    std::unordered_map<TopicId, std::shared_ptr<const Groups>> groups;
    std::map<std::string, ProducerPtr, std::less<>> producers;
  };

  Version version() const { return version_; }
  /// Nil until the cluster is bootstrapped as seen from here.
  Uuid cluster_id() const { return cluster_id_; }
  TopicPtr find_topic(std::string_view name) const;
  TopicPtr find_topic(TopicId id) const;
  /// Null when nobody has the name, or the id is not that of any name (any more).
  ProducerPtr find_producer(std::string_view name) const;
  ProducerPtr find_producer(ProducerId id) const;
  /// 0 when never committed.
  Offset shared_cursor(const TopicInfo& topic) const;
  /// Never null.
  std::shared_ptr<const Groups> groups(const TopicInfo& topic) const;
  const NodeInfo* find_node(NodeId id) const;
  bool is_up(NodeId id) const;
  bool stays(NodeId id) const;  ///< see NodeInfo
  const std::map<NodeId, NodeInfo>& nodes() const { return *nodes_; }
  /// The node has the disk that it had when the segment opened. Else what the old disk promised and acknowledged is not
  /// known there: as a replica of a segment that is not sealed yet the node counts neither as "has" nor as "has not",
  /// and neither leads nor recovers it.
  bool original(const SegmentInfo& segment, NodeId node) const;
  const std::map<TopicId, DeletedTopic>& deleted_topics() const { return *deleted_; }
  /// Sealed segments whose records nobody has any more.
  std::uint64_t lost_segments() const { return lost_segments_; }
  const Bucket& bucket(std::size_t i) const { return *buckets_[i]; }
  std::size_t topic_count() const;

  static std::size_t bucket_of(std::string_view topic_name);

 private:
  friend class ClusterState;  // copies on write: an unchanged bucket is shared with the view before
  struct Ids {
    std::unordered_map<TopicId, TopicPtr> topics;
    std::unordered_map<ProducerId, ProducerPtr> producers;
  };
  View();
  static std::size_t bucket_of(TopicId id) { return id.value() % kBuckets; }
  static std::size_t bucket_of(ProducerId id) { return id.value() % kBuckets; }
  Version version_ = 0;
  Uuid cluster_id_;
  std::uint64_t lost_segments_ = 0;
  std::shared_ptr<const std::map<NodeId, NodeInfo>> nodes_;
  std::shared_ptr<const std::map<TopicId, DeletedTopic>> deleted_;
  std::array<std::shared_ptr<const Bucket>, kBuckets> buckets_;  // by name, of a topic or a producer
  std::array<std::shared_ptr<const Ids>, kBuckets> ids_;         // the same by id
};

using ViewPtr = std::shared_ptr<const View>;

/// Stable hash of a topic name (FNV-1a 64 with a final mix); chooses bucket and shard, the same on every node.
std::uint64_t topic_hash(std::string_view name);

}  // namespace walrus::metadata
