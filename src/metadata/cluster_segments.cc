// The commands of ClusterState that end segments and open the next ones.
#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "metadata/cluster_state.h"
#include "metadata/placement.h"
#include "metadata/sealing.h"

namespace walrus::metadata {
namespace {

std::vector<NodeId> node_ids(const google::protobuf::RepeatedField<std::uint64_t>& numbers) {
  std::vector<NodeId> ids;
  for (const std::uint64_t number : numbers) ids.emplace_back(number);
  return ids;
}

}  // namespace

Result<SegmentInfo> ClusterState::new_segment(Version index, SegmentId id, Offset base, std::vector<NodeId> order,
                                              std::uint32_t wanted) const {
  if (order.empty()) return fail(ErrorCode::kUnavailable, "no node is up");
  if (const std::size_t fewest = fewest_replicas(*draft_.nodes_, wanted); order.size() < fewest) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{} of the {} nodes that a segment needs at least are up", order.size(), fewest));
  }
  order.resize(std::min<std::size_t>(order.size(), wanted));
  const NodeId leader = order.front();
  return SegmentInfo{.id = id,
                     .base = base,
                     .end = base,
                     .epoch = Epoch(index),
                     .state = SegmentState::kOpen,
                     .leader = leader,
                     .replicas = std::move(order),
                     .seal_epoch = {},
                     .recoverer = {}};
}

Result<std::shared_ptr<TopicInfo>> ClusterState::seal_last(Version index, const TopicInfo& before, Seal seal) const {
  const SegmentInfo& last = before.last();
  if (seal.end < last.base) return fail(ErrorCode::kInvalidArgument, "the end lies before the base");
  if (seal.holders.empty()) return fail(ErrorCode::kInvalidArgument, "no holder");
  for (const NodeId holder : seal.holders) {
    if (!last.has_replica(holder)) return fail(ErrorCode::kInvalidArgument, "a holder that is no replica");
  }
  // What was durable on a disk that was replaced or removed since then is gone.
  std::erase_if(seal.holders, [&](NodeId holder) {
    return !draft_.original(last, holder) || draft_.find_node(holder)->state == NodeState::kRemoved;
  });
  if (seal.holders.empty()) return fail(ErrorCode::kConflict, "the disks of all holders are gone");
  return open_behind(index, before, std::move(seal));
}

Result<std::shared_ptr<TopicInfo>> ClusterState::open_behind(Version index, const TopicInfo& before, Seal seal) const {
  const SegmentInfo& last = before.last();
  WALRUS_ASSIGN(SegmentInfo next,
                new_segment(index, SegmentId(last.id.value() + 1), seal.end,
                            placement_order(*draft_.nodes_, last.leader, seal.avoid), before.replicas_wanted));
  auto topic = std::make_shared<TopicInfo>(before);
  SegmentInfo& sealed = topic->segments.change_back();
  sealed.state = SegmentState::kSealed;
  sealed.end = seal.end;
  sealed.hash = seal.hash;
  sealed.bytes = seal.bytes;
  sealed.latest_ms = seal.latest_ms;
  sealed.replicas = std::move(seal.holders);
  sealed.seal_epoch = Epoch();
  sealed.recoverer = NodeId();
  sealed.lose_data = false;
  topic->segments.push_back(std::move(next));
  return topic;
}

Status ClusterState::seal_and_open(Version index, const SealAndOpen& command) {
  const TopicPtr before = draft_.find_topic(TopicId(command.topic_id()));
  if (before == nullptr) return fail(ErrorCode::kTopicNotFound);
  const SegmentInfo& last = before->last();
  if (last.id != SegmentId(command.segment_id()) || last.epoch != Epoch(command.epoch()) ||
      last.state != SegmentState::kOpen) {
    return fail(ErrorCode::kConflict, fmt::format("segment {} of {} is not open with epoch {}", command.segment_id(),
                                                  before->name, command.epoch()));
  }
  const Offset end(command.end());
  if (Offset(command.shared_cursor()) > end) return fail(ErrorCode::kInvalidArgument, "the cursor lies behind the end");
  WALRUS_ASSIGN(auto topic, seal_last(index, *before,
                                      {.end = end,
                                       .hash = command.hash(),
                                       .holders = node_ids(command.holders()),
                                       .avoid = node_ids(command.avoid()),
                                       .bytes = command.bytes(),
                                       .latest_ms = command.latest_ms()}));
  --open_segments_led_[last.leader];
  ++open_segments_led_[topic->last().leader];
  Offset& cursor = groups_for_writing(*topic)[std::string(kSharedGroup)].offset;
  cursor = std::max(cursor, Offset(command.shared_cursor()));
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::begin_seal(Version index, const BeginSeal& command) {
  const TopicPtr before = draft_.find_topic(TopicId(command.topic_id()));
  if (before == nullptr) return fail(ErrorCode::kTopicNotFound);
  const SegmentInfo& last = before->last();
  if (last.id != SegmentId(command.segment_id()) || last.epoch != Epoch(command.epoch()) || last.sealed() ||
      last.seal_epoch != Epoch(command.expected_seal_epoch())) {
    return fail(ErrorCode::kConflict, fmt::format("segment {} of {} is not as expected", last.id, before->name));
  }
  if (command.lose_data() && end_can_be_found(draft_, last)) {
    return fail(ErrorCode::kRefused,
                "the end can still be found, on nodes that are up or come back: nothing is given up");
  }
  const NodeId recoverer(command.recoverer());
  if (command.lose_data() && recoverer == NodeId()) return seal_as_lost(index, *before);
  if (!last.has_replica(recoverer)) return fail(ErrorCode::kInvalidArgument, "the recoverer is no replica");
  if (!draft_.original(last, recoverer)) return fail(ErrorCode::kInvalidArgument, "the recoverer's disk was replaced");
  auto topic = std::make_shared<TopicInfo>(*before);
  SegmentInfo& sealing = topic->segments.change_back();
  sealing.state = SegmentState::kSealing;
  sealing.seal_epoch = Epoch(index);
  sealing.recoverer = recoverer;
  sealing.lose_data |= command.lose_data();
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::seal_as_lost(Version index, const TopicInfo& before) {
  const SegmentInfo& last = before.last();
  for (const NodeId replica : last.replicas) {
    if (!disk_is_gone(draft_, last, replica)) {
      return fail(ErrorCode::kRefused, fmt::format("node {} has what is left", replica));
    }
  }
  const std::uint64_t most = std::max(before.segment_entries, limits::kMaxSegmentEntries);
  Offset end = last.base + most;
  for (const auto& [name, group] : *draft_.groups(before)) end = std::max(end, group.offset);
  WALRUS_ASSIGN(
      auto topic,
      open_behind(index, before, {.end = end, .hash = 0, .holders = {}, .avoid = {}, .bytes = 0, .latest_ms = 0}));
  ++draft_.lost_segments_;
  move_groups_past_loss(*topic, last.base, end);
  --open_segments_led_[last.leader];
  ++open_segments_led_[topic->last().leader];
  put_topic(std::move(topic));
  return {};
}

Status ClusterState::complete_seal_and_open(Version index, const CompleteSealAndOpen& command) {
  const TopicPtr before = draft_.find_topic(TopicId(command.topic_id()));
  if (before == nullptr) return fail(ErrorCode::kTopicNotFound);
  const SegmentInfo& last = before->last();
  if (last.id != SegmentId(command.segment_id()) || last.state != SegmentState::kSealing ||
      last.seal_epoch != Epoch(command.seal_epoch())) {
    return fail(ErrorCode::kConflict, fmt::format("segment {} of {} is not being sealed with epoch {}",
                                                  command.segment_id(), before->name, command.seal_epoch()));
  }
  const Offset end(command.end());
  const bool past_end =
      std::ranges::any_of(*draft_.groups(*before), [end](const auto& group) { return group.second.offset > end; });
  const bool may_lose =
      last.lose_data || command.weaker_fsync() || (before->options.fsync && !before->options.fsync->always());
  if (past_end && !may_lose) return fail(ErrorCode::kInvalidArgument, "the end lies before the cursor");
  WALRUS_ASSIGN(auto topic, seal_last(index, *before,
                                      {.end = end,
                                       .hash = command.hash(),
                                       .holders = node_ids(command.holders()),
                                       .avoid = {},
                                       .bytes = command.bytes(),
                                       .latest_ms = command.latest_ms()}));
  --open_segments_led_[last.leader];
  ++open_segments_led_[topic->last().leader];
  if (may_lose) move_groups_down(*topic, end);
  put_topic(std::move(topic));
  return {};
}

}  // namespace walrus::metadata
