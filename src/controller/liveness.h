// Which nodes have been heard of lately. Pure: time comes in as an argument. One thread.
#pragma once

#include <unordered_map>

#include "base/ids.h"
#include "io/loop.h"

namespace walrus::controller {

class Liveness {
 public:
  /// A node counts as lost when it has not been heard of for longer than this.
  explicit Liveness(io::Duration suspect_after) : suspect_after_(suspect_after) {}

  /// Starts anew: nobody has been heard of, and everybody is given the benefit of the doubt for one period.
  void reset(io::TimePoint now) {
    since_ = now;
    heard_.clear();
  }
  void heard(NodeId node, io::TimePoint now) { heard_[node] = now; }

  /// Heard of since reset(), and not too long ago.
  bool alive(NodeId node, io::TimePoint now) const {
    const auto it = heard_.find(node);
    return it != heard_.end() && now - it->second <= suspect_after_;
  }
  /// Not heard of for too long, counted from reset() for a node never heard of.
  bool lost(NodeId node, io::TimePoint now) const {
    const auto it = heard_.find(node);
    return now - (it != heard_.end() ? it->second : since_) > suspect_after_;
  }

 private:
  io::Duration suspect_after_;
  io::TimePoint since_;
  std::unordered_map<NodeId, io::TimePoint> heard_;
};

}  // namespace walrus::controller
