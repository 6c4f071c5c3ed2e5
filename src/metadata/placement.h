// Which nodes a segment is to lie on. Pure functions of the node table, so that every node that applies a command
// comes to the same answer.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "metadata/view.h"

namespace walrus::metadata {

using Nodes = std::map<NodeId, NodeInfo>;

/// The nodes that a new segment may be given to, best first: those that are up, in the order of their ids, beginning
/// behind `behind` and going round to it. The nodes in `avoid` come last: they are taken only when the others are too
/// few. Draining nodes are not among them, unless all that are up are.
std::vector<NodeId> placement_order(const Nodes& nodes, NodeId behind, std::span<const NodeId> avoid = {});

/// A segment does not open on fewer nodes than this: a majority of the copies that are wanted, or of the voters that
/// may hold some when those are fewer. So what is acknowledged outlives the loss of one disk, wherever the cluster
/// could bear that. It costs no time in which the cluster could do anything at all: with fewer voters up there is no
/// Raft leader. That fewer are marked up lasts until they are heard of again.
std::size_t fewest_replicas(const Nodes& nodes, std::size_t wanted);

/// The segment cannot do without the node: no other node that is up holds it, or, before it is sealed, the other
/// replicas are too few to find its end.
bool needs(const View& view, const SegmentInfo& segment, NodeId node);

/// Of the segments that the node has: how many would have fewer copies on nodes that are up and stay than their topics
/// want, as far as there are such nodes, if it went.
std::uint64_t thin_without(const View& view, NodeId node);

/// As many nodes that are up, and not draining, hold the sealed segment as its topic wants.
bool enough_holders(const View& view, const TopicInfo& topic, const SegmentInfo& segment);

/// The topic's open segment would lie better if it were opened now: on more nodes that are up (as far as wanted), or on
/// none that is to hold nothing or has lost its disk since.
bool better_placed_anew(const View& view, const TopicInfo& topic);

}  // namespace walrus::metadata
