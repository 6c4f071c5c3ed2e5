// The commands of ClusterState about topics as a whole: their making, their options, and what of them goes.
#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "metadata/cluster_state.h"
#include "metadata/placement.h"
#include "metadata/topic_settings.h"

namespace walrus::metadata {

Status ClusterState::create_topic(Version index, const CreateTopic& command) {
  if (command.name().empty() || command.name().size() > limits::kMaxTopicNameBytes) {
    return fail(ErrorCode::kInvalidTopicName);
  }
  if (draft_.find_topic(command.name()) != nullptr) return {};
  auto topic = std::make_shared<TopicInfo>();
  WALRUS_TRY(apply_settings(command.settings(), topic->options));
  const std::uint32_t wanted = std::max<std::uint32_t>(1, command.replicas());
  std::vector<NodeId> order = placement_order(*draft_.nodes_, least_loaded_node());
  if (!order.empty()) std::ranges::rotate(order, order.end() - 1);  // the least loaded one itself leads
  WALRUS_ASSIGN(SegmentInfo first, new_segment(index, SegmentId(0), Offset(0), std::move(order), wanted));

  topic->id = TopicId(index);
  topic->name = command.name();
  topic->segment_entries = command.segment_entries();
  topic->replicas_wanted = wanted;
  topic->options_version = index;
  ++open_segments_led_[first.leader];
  topic->segments.push_back(std::move(first));
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::set_topic_options(Version index, const SetTopicOptions& command) {
  const TopicPtr before = draft_.find_topic(TopicId(command.topic_id()));
  if (before == nullptr) return fail(ErrorCode::kTopicNotFound);
  if (before->options_version != command.expected_version()) {
    return fail(ErrorCode::kConflict, fmt::format("the options of {} were changed meanwhile", before->name));
  }
  if (command.has_replicas() && command.replicas() == 0) return fail(ErrorCode::kInvalidArgument, "no replicas");
  auto topic = std::make_shared<TopicInfo>(*before);
  WALRUS_TRY(apply_settings(command.settings(), topic->options));
  if (command.has_segment_entries()) topic->segment_entries = command.segment_entries();
  if (command.has_replicas()) topic->replicas_wanted = command.replicas();
  topic->options_version = index;
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::trim_topic(const TrimTopic& command) {
  const TopicPtr before = draft_.find_topic(TopicId(command.topic_id()));
  if (before == nullptr) return fail(ErrorCode::kTopicNotFound);
  const Offset limit(command.before());
  const auto kept = std::ranges::find_if(
      before->segments, [&](const SegmentInfo& segment) { return !segment.sealed() || segment.end > limit; });
  if (kept == before->segments.begin()) return {};
  draft_.lost_segments_ -=
      static_cast<std::uint64_t>(std::ranges::count_if(before->segments.begin(), kept, &SegmentInfo::lost));
  auto topic = std::make_shared<TopicInfo>(*before);
  topic->segments.drop_front(static_cast<std::size_t>(kept - before->segments.begin()));
  groups_for_writing(*topic)[std::string(kSharedGroup)];  // at the start from now on, not at 0
  move_groups_up(*topic);
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::delete_topic(const DeleteTopic& command) {
  const TopicPtr topic = draft_.find_topic(TopicId(command.topic_id()));
  if (topic == nullptr) return {};
  std::set<NodeId> may_have_files;
  for (const auto& [id, node] : *draft_.nodes_) {
    if (node.state != NodeState::kRemoved) may_have_files.insert(id);
  }
  if (!may_have_files.empty()) {
    deleted_for_writing()[topic->id] = {.name = topic->name, .nodes = std::move(may_have_files)};
  }
  if (!topic->last().sealed()) --open_segments_led_[topic->last().leader];
  draft_.lost_segments_ -= static_cast<std::uint64_t>(std::ranges::count_if(topic->segments, &SegmentInfo::lost));
  ids_for_writing(View::bucket_of(topic->id)).topics.erase(topic->id);
  View::Bucket& bucket = bucket_for_writing(topic->name);
  bucket.groups.erase(topic->id);
  bucket.topics.erase(topic->name);
  return {};
}

Status ClusterState::fence_topic(const FenceTopic& command) {
  const TopicPtr before = draft_.find_topic(TopicId(command.topic_id()));
  if (before == nullptr) return fail(ErrorCode::kTopicNotFound);
  if (command.token() < before->token) return fail(ErrorCode::kTokenFenced, fmt::format("at least {}", before->token));
  if (command.token() == before->token) return {};
  auto topic = std::make_shared<TopicInfo>(*before);
  topic->token = command.token();
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::confirm_deletions(const ConfirmDeletions& command) {
  const NodeInfo* node = draft_.find_node(NodeId(command.node_id()));
  if (node == nullptr || node->incarnation != command.incarnation()) {
    return fail(ErrorCode::kConflict, "another disk by now");
  }
  for (const std::uint64_t number : command.topic_ids()) {
    const auto known = draft_.deleted_->find(TopicId(number));
    if (known == draft_.deleted_->end() || !known->second.nodes.contains(node->id)) continue;
    auto& deleted = deleted_for_writing();
    auto& waiting = deleted.at(TopicId(number)).nodes;
    waiting.erase(node->id);
    if (waiting.empty()) deleted.erase(TopicId(number));
  }
  return {};
}

void ClusterState::forget_deletions_of(NodeId node) {
  const auto concerned = [node](const auto& deleted) { return deleted.second.nodes.contains(node); };
  if (std::ranges::none_of(*draft_.deleted_, concerned)) return;
  auto& deleted = deleted_for_writing();
  for (auto& [id, topic] : deleted) topic.nodes.erase(node);
  std::erase_if(deleted, [](const auto& topic) { return topic.second.nodes.empty(); });
}

NodeId ClusterState::least_loaded_node() const {
  NodeId best;
  std::uint64_t fewest = 0;
  for (const auto& [id, node] : *draft_.nodes_) {
    if (!node.stays()) continue;
    const auto led = open_segments_led_.find(id);
    const std::uint64_t count = led == open_segments_led_.end() ? 0 : led->second;
    if (best == NodeId() || count < fewest) {
      best = id;
      fewest = count;
    }
  }
  return best;
}

}  // namespace walrus::metadata
