// The JSON of METRICS (docs/protocol/text.md): the documented fields of Raft first, then the node's own. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "metadata/raft_status.h"

namespace walrus::server {

struct NodeMetrics {
  metadata::RaftStatus raft;
  Uuid cluster_id;  ///< nil: not known yet
  std::uint64_t metadata_version = 0;
  std::uint64_t topics = 0;
  std::uint64_t voters = 0;  ///< members of the Raft group that vote
  std::uint64_t connections = 0;
  std::uint32_t shards = 0;
  bool io_uring = false;
  std::uint64_t lost_segments = 0;  ///< of the cluster: sealed, and nobody has them any more
  struct Repair {
    std::uint64_t copies_made = 0;
    std::uint64_t copies_failed = 0;
    std::uint64_t copied_bytes = 0;
    std::uint64_t scrubbed_segments = 0;
    std::uint64_t scrubbed_bytes = 0;
    std::uint64_t damage_found = 0;
    std::uint64_t healed = 0;
  } repair = {};
  std::int64_t uptime_ms = 0;
};

std::string metrics_json(const NodeMetrics& metrics);

/// The same for Prometheus: text exposition format, version 0.0.4.
std::string metrics_prometheus(const NodeMetrics& metrics);

}  // namespace walrus::server
