#include "metadata/sealing.h"

#include <algorithm>

namespace walrus::metadata {

bool can_work_on(const View& view, const SegmentInfo& segment, NodeId node) {
  return view.is_up(node) && view.original(segment, node);
}

bool disk_is_gone(const View& view, const SegmentInfo& segment, NodeId node) {
  const NodeInfo* known = view.find_node(node);
  return known == nullptr || known->state == NodeState::kRemoved || !view.original(segment, node);
}

bool end_can_be_found(const View& view, const SegmentInfo& segment) {
  const auto left = static_cast<std::size_t>(
      std::ranges::count_if(segment.replicas, [&](NodeId replica) { return !disk_is_gone(view, segment, replica); }));
  // Of E replicas with an ack quorum of E/2+1 the end is found with E - (E/2+1) + 1 answers.
  return left >= segment.replicas.size() - segment.replicas.size() / 2;
}

std::optional<NodeId> choose_recoverer(const View& view, const SegmentInfo& segment) {
  for (const NodeId replica : segment.replicas) {
    if (replica != segment.leader && replica != segment.recoverer && can_work_on(view, segment, replica)) {
      return replica;
    }
  }
  // Better the leader, which must ask the others like anybody, than nobody. While it may go on by itself, only when the
  // others can never again be a quorum with it.
  const bool leader_is_new = segment.state == SegmentState::kSealing && segment.leader != segment.recoverer;
  const bool alone = segment.state == SegmentState::kOpen && std::ranges::all_of(segment.replicas, [&](NodeId replica) {
                       return replica == segment.leader || disk_is_gone(view, segment, replica);
                     });
  if ((leader_is_new || alone) && can_work_on(view, segment, segment.leader)) return segment.leader;
  return std::nullopt;
}

Command begin_seal(const TopicInfo& topic, NodeId recoverer) {
  Command command;
  BeginSeal& begin = *command.mutable_begin_seal();
  begin.set_topic_id(topic.id.value());
  begin.set_segment_id(topic.last().id.value());
  begin.set_epoch(topic.last().epoch.value());
  begin.set_expected_seal_epoch(topic.last().seal_epoch.value());
  begin.set_recoverer(recoverer.value());
  return command;
}

Command begin_seal_losing_data(const View& view, const TopicInfo& topic) {
  const auto left = std::ranges::find_if(topic.last().replicas,
                                         [&](NodeId replica) { return !disk_is_gone(view, topic.last(), replica); });
  Command command = begin_seal(topic, left != topic.last().replicas.end() ? *left : NodeId());
  command.mutable_begin_seal()->set_lose_data(true);
  return command;
}

}  // namespace walrus::metadata
