// Where commit stands, given how far each replica is durable. Pure; any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "base/ids.h"

namespace walrus::replication {

/// The ack quorum of a replica set: a majority.
constexpr std::size_t ack_quorum(std::size_t replicas) { return replicas / 2 + 1; }

class Quorum {
 public:
  /// All replicas start durable up to `base`.
  Quorum(std::size_t replicas, Offset base);

  /// Replica number `replica` is durable up to `end`. Ends do not move back: an older, late answer changes nothing.
  void advance(std::size_t replica, Offset end);

  /// The Q-th largest durable end: everything below it is on a quorum of disks.
  Offset commit() const { return commit_; }
  Offset durable_end(std::size_t replica) const { return durable_ends_[replica]; }

 private:
  std::vector<Offset> durable_ends_;
  Offset commit_;
};

}  // namespace walrus::replication
