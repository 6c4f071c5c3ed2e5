#include "broker/seal_requests.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace walrus::broker {

namespace {

std::optional<NodeId> another_replica(const metadata::View& view, const metadata::SegmentInfo& segment, NodeId self) {
  const auto is_other_and_up = [&](NodeId replica) {
    const metadata::NodeInfo* node = view.find_node(replica);
    return replica != self && node != nullptr && node->state == metadata::NodeState::kUp;
  };
  const auto found = std::ranges::find_if(segment.replicas, is_other_and_up);
  if (found == segment.replicas.end()) return std::nullopt;
  return *found;
}

}  // namespace

void SealRequests::ask(TopicId topic, Epoch epoch, Recoverer recoverer, std::string_view why) {
  const metadata::ViewPtr view = metadata_.view();
  const metadata::TopicPtr info = view->find_topic(topic);
  if (!info || info->last().epoch != epoch || info->last().state != metadata::SegmentState::kOpen) return;
  const std::optional<NodeId> named =
      recoverer == Recoverer::kSelf ? self_ : another_replica(*view, info->last(), self_);
  if (!named || !under_way_.insert(topic).second) return;
  log::info("topic {} segment {}: {}; node {} is to find its end", info->name, info->last().id, why, *named);
  metadata::Command command;
  metadata::BeginSeal& begin = *command.mutable_begin_seal();
  begin.set_topic_id(topic.value());
  begin.set_segment_id(info->last().id.value());
  begin.set_epoch(epoch.value());
  begin.set_recoverer(named->value());
  metadata_.propose(std::move(command), [this, alive = alive_, topic](const Result<metadata::Applied>&) {
    if (*alive) under_way_.erase(topic);
  });
}

}  // namespace walrus::broker
