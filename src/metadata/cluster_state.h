// The replicated state machine of the cluster's metadata, pure: no clock, no disk, no network, no randomness.
//
// What it promises: the state, and so the bytes of its snapshot, are a function of the sequence of applied commands
// (I12). Every command is a compare-and-set or idempotent; a refused one changes nothing (CommitCursors: each position
// for itself). A segment gets one end, once (I2); the next segment starts there (I6) and exists only from then on (I7).
//
// Happy path: apply() each committed command with its Raft index, then view() once for the whole batch. Views are
// immutable and share everything that did not change since the view before.
//
// How it fails: apply() answers what the proposer is to know (kConflict, kTopicNotFound, kInvalidArgument,
// kIdentityRefused, kUnavailable when no node could lead). restore() answers kCorrupt or kUnsupported and leaves the
// state as it was.
//
// One thread at a time. Views may go to any thread.
#pragma once

#include <bitset>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/result.h"
#include "metadata.pb.h"
#include "metadata/raft_entry.h"
#include "metadata/view.h"

namespace walrus::metadata {

class ClusterState {
 public:
  ClusterState();

  /// `index` is the command's place in the Raft log, above every earlier one.
  Status apply(Version index, const Command& command);
  /// An entry that is not a command (a membership change, a leader's first entry) takes its place in the order, too.
  void advance(Version index);
  /// Who is in the Raft group and who votes, from a committed membership entry.
  void set_members(const Members& members);

  Version version() const { return draft_.version_; }
  /// The state as of the last command. Cheap when nothing changed since the last call.
  ViewPtr view();

  /// Serialized metadata.Snapshot. The members are not in it: they belong to Raft's own part of a snapshot.
  std::string snapshot() const;
  Status restore(std::string_view snapshot);

  /// The first broken invariant, by name, with the topic; an empty string when all hold. For tests and after a restore.
  std::string broken_invariant() const;

 private:
  Status init_cluster(const InitCluster& command);
  Status create_topic(Version index, const CreateTopic& command);
  Status set_topic_options(Version index, const SetTopicOptions& command);
  Status trim_topic(const TrimTopic& command);
  Status delete_topic(const DeleteTopic& command);
  Status fence_topic(const FenceTopic& command);
  Status register_producer(Version index, const RegisterProducer& command);
  void put_producer(ProducerPtr producer);
  void drop_producer(const ProducerInfo& producer);
  Status confirm_deletions(const ConfirmDeletions& command);
  Status seal_and_open(Version index, const SealAndOpen& command);
  Status begin_seal(Version index, const BeginSeal& command);
  /// The last segment of `before`, of which no disk is left, ends behind all that it can have held.
  Status seal_as_lost(Version index, const TopicInfo& before);
  Status complete_seal_and_open(Version index, const CompleteSealAndOpen& command);
  Status add_holder(const AddHolder& command);
  Status drop_holder(const DropHolder& command);
  Status discard_copy(Version index, const DiscardCopy& command);
  Status confirm_discard(const ConfirmDiscard& command);
  Status commit_cursors(const CommitCursors& command);
  Status commit_cursor(const CommitCursors::Position& position);
  /// What the topic's groups had not read and is not kept any more is behind them.
  void move_groups_up(const TopicInfo& topic);
  /// Records at and behind `end` were lost, as the topic's fsync policy allows: no group stands behind it.
  void move_groups_down(const TopicInfo& topic, Offset end);
  /// Every record from `base` up to `end` was lost: groups that stood there go on behind.
  void move_groups_past_loss(const TopicInfo& topic, Offset base, Offset end);
  Groups& groups_for_writing(const TopicInfo& topic);
  Status upsert_node(Version index, const UpsertNode& command);
  Status check_identity(const UpsertNode& command) const;
  Status set_node_state(const SetNodeState& command);
  Status set_draining(const SetDraining& command);
  /// kUnavailable when data would be out of reach, an end could not be found, or nothing be decided without the node.
  Status check_dispensable(NodeId node) const;
  /// Its disk is gone for good: no sealed segment lists the node any more, nor a copy that it is to discard.
  void strike_off_holders(NodeId node);
  /// Nor is anything waited for that it would have to delete.
  void forget_deletions_of(NodeId node);

  struct Seal {
    Offset end;
    std::uint64_t hash;
    std::vector<NodeId> holders;
    std::vector<NodeId> avoid;  ///< nodes that the next segment is to leave out
    std::uint64_t bytes;
    std::int64_t latest_ms;
  };
  /// Seals the last segment of `before` and opens the next one with `index` as its epoch.
  Result<std::shared_ptr<TopicInfo>> seal_last(Version index, const TopicInfo& before, Seal seal) const;
  /// The same with holders that were checked; none when all are lost.
  Result<std::shared_ptr<TopicInfo>> open_behind(Version index, const TopicInfo& before, Seal seal) const;
  /// The segment, if it is sealed and the node is there with the disk of this incarnation.
  struct Holding {
    TopicPtr topic;
    std::size_t place;  // of the segment in the topic
    NodeId node;
  };
  template <class Command>
  Result<Holding> find_holding(const Command& command) const;
  /// A fresh open segment on the first `wanted` nodes of `order`, the first of them its leader; kUnavailable when there
  /// is none.
  Result<SegmentInfo> new_segment(Version index, SegmentId id, Offset base, std::vector<NodeId> order,
                                  std::uint32_t wanted) const;
  void show_membership(NodeInfo& node) const;
  NodeId least_loaded_node() const;
  View::Bucket& bucket_for_writing(std::string_view topic_name);
  View::Ids& ids_for_writing(std::size_t bucket);
  std::map<NodeId, NodeInfo>& nodes_for_writing();
  std::map<TopicId, DeletedTopic>& deleted_for_writing();
  void put_topic(TopicPtr topic);
  void count_leaders();
  Status restore_nodes(const Snapshot& from);
  Status restore_topics(const Snapshot& from);
  Status restore_producers(const Snapshot& from);

  View draft_;
  Members members_;  // Raft's, not part of the snapshot
  // What of the draft is not shared with any view and may be written in place.
  std::bitset<View::kBuckets> own_buckets_;
  std::bitset<View::kBuckets> own_ids_;
  std::unordered_set<TopicId> own_groups_;
  bool own_nodes_ = false;
  std::shared_ptr<const std::map<NodeId, NodeInfo>> replaced_nodes_;  ///< by the copy that is written now
  bool own_deleted_ = false;
  ViewPtr published_;
  std::map<NodeId, std::uint64_t> open_segments_led_;  // derived from the topics
  std::map<Version, ProducerPtr> producers_;           // those of the draft, by their registration
};

}  // namespace walrus::metadata
