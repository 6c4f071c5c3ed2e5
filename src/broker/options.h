// What the brokers of a node are told at start.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "base/limits.h"
#include "base/sync_policy.h"
#include "io/loop.h"

namespace walrus::broker {

struct BrokerOptions {
  NodeId self;
  Uuid disk_id = {};  ///< of this node; nil: not checked
  std::uint32_t shard = 0;
  /// Replicas of a topic registered here, unless its client asked for another number.
  std::uint32_t replication_factor = 1;
  /// Records after which a segment is rolled, for topics without a number of their own.
  std::uint64_t segment_entries = limits::kMaxSegmentEntries;
  /// Of the store. A topic that is registered here keeps it, unless its client asked for another.
  SyncPolicy fsync = {};
  /// How often full segments are looked for besides at each append.
  io::Duration monitor_interval = limits::kMonitorInterval;
};

}  // namespace walrus::broker
