// Whether this node may answer as a replica of a segment. Pure; any thread.
#pragma once

#include "broker/options.h"
#include "metadata/view.h"

namespace walrus::broker {

/// True when this node's disk is the one with which it became a replica of the segment (null: too new for the view).
/// Else it does not know what was promised and acknowledged here: it neither leads it, nor takes what its leader sends,
/// nor answers a fence. False, too, while the view does not know this disk yet, and of a segment that was sealed
/// without this node: what comes late for it would only have to be discarded again.
inline bool own_replica_counts(const metadata::View& view, const metadata::SegmentInfo* segment,
                               const BrokerOptions& options) {
  const metadata::NodeInfo* self = view.find_node(options.self);
  if (self == nullptr || (!options.disk_id.is_nil() && self->disk_id != options.disk_id)) return false;
  if (segment == nullptr) return true;
  return view.original(*segment, options.self) && (!segment->sealed() || segment->has_replica(options.self));
}

}  // namespace walrus::broker
