// Who finds the end of a segment whose leader is lost, and the command that says so. Pure functions of the view.
#pragma once

#include <optional>

#include "metadata.pb.h"
#include "metadata/view.h"

namespace walrus::metadata {

/// The node is up, with the disk that it had when the segment opened: it may lead the segment, or find its end.
bool can_work_on(const View& view, const SegmentInfo& segment, NodeId node);

/// The one that is to find the end of `segment`: the first replica that is up and not its leader nor its recoverer;
/// that failing, of a segment that is being sealed, the leader; nothing when none is.
std::optional<NodeId> choose_recoverer(const View& view, const SegmentInfo& segment);

/// BeginSeal of the topic's last segment as it is known here, open or being sealed.
Command begin_seal(const TopicInfo& topic, NodeId recoverer);

}  // namespace walrus::metadata
