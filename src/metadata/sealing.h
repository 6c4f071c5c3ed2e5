// Who finds the end of a segment whose leader is lost, and the command that says so. Pure functions of the view.
#pragma once

#include <optional>

#include "metadata.pb.h"
#include "metadata/view.h"

namespace walrus::metadata {

/// The node is up, with the disk that it had when the segment opened: it may lead the segment, or find its end.
bool can_work_on(const View& view, const SegmentInfo& segment, NodeId node);

/// The disk that the node had when the segment opened is lost for good: replaced, or removed with its node.
bool disk_is_gone(const View& view, const SegmentInfo& segment, NodeId node);

/// Enough replicas have the disk that they had when the segment opened: its end is found once they are up.
bool end_can_be_found(const View& view, const SegmentInfo& segment);

/// The one that is to find the end of `segment`: the first replica that is up and not its leader nor its recoverer;
/// that failing, of a segment that is being sealed or whose other replicas have lost their disks, the leader; nothing
/// when none is.
std::optional<NodeId> choose_recoverer(const View& view, const SegmentInfo& segment);

/// BeginSeal of the topic's last segment as it is known here, open or being sealed.
Command begin_seal(const TopicInfo& topic, NodeId recoverer);

/// The same for an operator who gives up what was on the disks that are gone, when no end can be found otherwise.
Command begin_seal_losing_data(const View& view, const TopicInfo& topic);

}  // namespace walrus::metadata
