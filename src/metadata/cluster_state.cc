#include "metadata/cluster_state.h"

#include "base/assert.h"
#include "base/limits.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {

ClusterState::ClusterState() = default;

Status ClusterState::apply(Version index, const Command& command) {
  advance(index);
  switch (command.kind_case()) {
    case Command::kNoop:
      return {};
    case Command::kInitCluster:
      return init_cluster(command.init_cluster());
    case Command::kCreateTopic:
      return create_topic(index, command.create_topic());
    case Command::kSealAndOpen:
      return seal_and_open(index, command.seal_and_open());
    case Command::kCommitCursors:
      return commit_cursors(command.commit_cursors());
    case Command::kUpsertNode:
      return upsert_node(index, command.upsert_node());
    case Command::kSetNodeState:
      return set_node_state(command.set_node_state());
    case Command::kBeginSeal:
      return begin_seal(index, command.begin_seal());
    case Command::kCompleteSealAndOpen:
      return complete_seal_and_open(index, command.complete_seal_and_open());
    case Command::kAddHolder:
      return add_holder(command.add_holder());
    case Command::kDropHolder:
      return drop_holder(command.drop_holder());
    case Command::kDiscardCopy:
      return discard_copy(index, command.discard_copy());
    case Command::kConfirmDiscard:
      return confirm_discard(command.confirm_discard());
    case Command::kSetDraining:
      return set_draining(command.set_draining());
    case Command::kSetTopicOptions:
      return set_topic_options(index, command.set_topic_options());
    case Command::kTrimTopic:
      return trim_topic(command.trim_topic());
    case Command::kDeleteTopic:
      return delete_topic(command.delete_topic());
    case Command::kFenceTopic:
      return fence_topic(command.fence_topic());
    case Command::kRegisterProducer:
      return register_producer(index, command.register_producer());
    case Command::kConfirmDeletions:
      return confirm_deletions(command.confirm_deletions());
    case Command::KIND_NOT_SET:
      break;
  }
  return fail(ErrorCode::kUnsupported, "a command of a newer version");
}

void ClusterState::advance(Version index) {
  WALRUS_ASSERT(index > draft_.version_, "commands are applied in the order of the log, once");
  draft_.version_ = index;
}

void ClusterState::set_members(const Members& members) {
  members_ = members;
  for (const auto& [id, node] : *draft_.nodes_) {
    NodeInfo changed = node;
    show_membership(changed);
    if (changed.member != node.member || changed.voter != node.voter) nodes_for_writing().at(id) = std::move(changed);
  }
  published_.reset();
}

void ClusterState::show_membership(NodeInfo& node) const {
  const Member* member = find_member(members_, node.raft_id);
  node.member = member != nullptr;
  node.voter = member != nullptr && member->role == MemberRole::kVoter;
}

ViewPtr ClusterState::view() {
  if (published_ == nullptr || published_->version_ != draft_.version_) {
    published_ = std::shared_ptr<const View>(new View(draft_));
    own_buckets_.reset();
    own_ids_.reset();
    own_nodes_ = false;
    own_groups_.clear();
    own_deleted_ = false;
  }
  return published_;
}

Status ClusterState::init_cluster(const InitCluster& command) {
  const Uuid id = uuid_from_bytes(command.cluster_id());
  if (id.is_nil()) return fail(ErrorCode::kInvalidArgument, "cluster id");
  if (draft_.cluster_id_ == id) return {};
  if (!draft_.cluster_id_.is_nil()) return fail(ErrorCode::kConflict, "the cluster has an id");
  draft_.cluster_id_ = id;
  return {};
}

View::Bucket& ClusterState::bucket_for_writing(std::string_view topic_name) {
  const std::size_t i = View::bucket_of(topic_name);
  if (!own_buckets_[i]) draft_.buckets_[i] = std::make_shared<View::Bucket>(*draft_.buckets_[i]);
  own_buckets_[i] = true;
  return const_cast<View::Bucket&>(*draft_.buckets_[i]);  // made by this object, seen by no view yet
}

View::Ids& ClusterState::ids_for_writing(std::size_t i) {
  if (!own_ids_[i]) draft_.ids_[i] = std::make_shared<View::Ids>(*draft_.ids_[i]);
  own_ids_[i] = true;
  return const_cast<View::Ids&>(*draft_.ids_[i]);
}

std::map<NodeId, NodeInfo>& ClusterState::nodes_for_writing() {
  using Nodes = std::map<NodeId, NodeInfo>;
  // Who has just looked something up in it, or goes through it, may do so to the end.
  if (!own_nodes_) replaced_nodes_ = std::exchange(draft_.nodes_, std::make_shared<Nodes>(*draft_.nodes_));
  own_nodes_ = true;
  return const_cast<Nodes&>(*draft_.nodes_);
}

std::map<TopicId, DeletedTopic>& ClusterState::deleted_for_writing() {
  using Deleted = std::map<TopicId, DeletedTopic>;
  if (!own_deleted_) draft_.deleted_ = std::make_shared<Deleted>(*draft_.deleted_);
  own_deleted_ = true;
  return const_cast<Deleted&>(*draft_.deleted_);
}

void ClusterState::put_topic(TopicPtr topic) {
  ids_for_writing(View::bucket_of(topic->id)).topics[topic->id] = topic;
  bucket_for_writing(topic->name).topics[topic->name] = std::move(topic);
}

void ClusterState::count_leaders() {
  open_segments_led_.clear();
  for (const auto& ids : draft_.ids_) {
    for (const auto& [id, topic] : ids->topics) {
      if (!topic->last().sealed()) ++open_segments_led_[topic->last().leader];
    }
  }
}

}  // namespace walrus::metadata
