// What is to be done about the copies of one sealed segment. Pure: a function of its arguments, so that all nodes that
// know the same come to the same answer and nobody has to be told.
#pragma once

#include <optional>
#include <vector>

#include "controller/absence.h"
#include "metadata.pb.h"
#include "metadata/view.h"

namespace walrus::controller {

struct RepairPlan {
  std::size_t missing = 0;         ///< copies that are to be made
  std::vector<NodeId> candidates;  ///< for making them, the next in line first: behind the segment's leader in the ring
  std::vector<NodeId> sources;     ///< holders that are up
  /// A holder that others have taken the place of: it is gone, or one more than wanted.
  std::optional<NodeId> surplus;
};

/// Wanted are as many copies as the topic asks for, or as there are nodes that are not gone.
RepairPlan plan_repair(const metadata::View& view, const metadata::TopicInfo& topic,
                       const metadata::SegmentInfo& segment, const Absence& absence);

/// Commands about the copy of a node as the view knows it.
metadata::Command add_holder(const metadata::View& view, const metadata::TopicInfo& topic,
                             const metadata::SegmentInfo& segment, NodeId node);
metadata::Command drop_holder(const metadata::View& view, const metadata::TopicInfo& topic,
                              const metadata::SegmentInfo& segment, NodeId node);
metadata::Command discard_copy(const metadata::View& view, const metadata::TopicInfo& topic,
                               const metadata::SegmentInfo& segment, NodeId node);
/// Of the discard that the view lists.
metadata::Command confirm_discard(const metadata::View& view, const metadata::TopicInfo& topic,
                                  const metadata::SegmentInfo& segment, NodeId node);

}  // namespace walrus::controller
