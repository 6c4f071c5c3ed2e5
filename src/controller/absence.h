// Which nodes are to hold nothing (any more), so that what they hold is made elsewhere: those that were removed or are
// draining, at once; those that are down, when they have been for a while, since most come back.
//
// Time comes in as an argument. One thread.
#pragma once

#include <map>
#include <set>

#include "io/loop.h"
#include "metadata/view.h"

namespace walrus::controller {

class Absence {
 public:
  explicit Absence(io::Duration grace) : grace_(grace) {}

  /// Looks at the node table. True when another node is gone now, or one is back.
  bool observe(const metadata::View& view, io::TimePoint now);

  bool gone(NodeId node) const { return !present_.contains(node); }
  /// Nodes that are not gone.
  std::size_t present() const { return present_.size(); }

 private:
  io::Duration grace_;
  std::map<NodeId, io::TimePoint> down_since_;
  std::set<NodeId> present_;
};

}  // namespace walrus::controller
