#include "metadata/sealing.h"

namespace walrus::metadata {

bool can_work_on(const View& view, const SegmentInfo& segment, NodeId node) {
  return view.is_up(node) && view.original(segment, node);
}

std::optional<NodeId> choose_recoverer(const View& view, const SegmentInfo& segment) {
  for (const NodeId replica : segment.replicas) {
    if (replica != segment.leader && replica != segment.recoverer && can_work_on(view, segment, replica)) {
      return replica;
    }
  }
  // Better the leader, which must ask the others like anybody, than nobody.
  const bool leader_is_new = segment.state == SegmentState::kSealing && segment.leader != segment.recoverer;
  if (leader_is_new && can_work_on(view, segment, segment.leader)) return segment.leader;
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

}  // namespace walrus::metadata
