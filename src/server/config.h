// What walrusd is told: flags, environment, an optional file, defaults, in this order of precedence. Every setting is
// all three: `--max-frame-bytes` is WALRUS_MAX_FRAME_BYTES in the environment and `max-frame-bytes = …` in the file
// (the few exceptions are older names; see docs/operations.md).
//
// Failure: kInvalidArgument, with the flag, variable or line of the file that is wrong and what it should be.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/result.h"
#include "base/sync_policy.h"

namespace walrus::server {

struct Config {
  NodeId node_id{1};
  std::string data_dir = "./data";
  std::string raft_host = "127.0.0.1";
  std::uint16_t raft_port = 6000;   ///< 0: chosen by the system
  std::string raft_advertise_host;  ///< empty: raft_host
  std::string client_host = "127.0.0.1";
  std::uint16_t client_port = 8080;  ///< 0: chosen by the system
  std::vector<std::string> join;     ///< internal addresses of members, --join and --initial-peer together
  std::string log_file;
  log::Level log_level = log::Level::kInfo;
  std::uint32_t shards = 0;  ///< 0 only before read_config(): cores, at most limits::kMaxShards
  std::size_t max_frame_bytes = limits::kMaxFrameBytes;
  std::size_t max_connections = limits::kMaxConnections;
  std::uint64_t client_bytes_per_second = 0;  ///< of one connection; 0: no limit
  std::uint32_t replication_factor = limits::kReplicas;
  std::uint64_t max_segment_entries = limits::kMaxSegmentEntries;
  std::chrono::milliseconds monitor_interval = limits::kMonitorInterval;
  std::chrono::milliseconds election_timeout{300};
  std::chrono::seconds repair_grace = limits::kRepairGrace;
  std::chrono::seconds scrub_interval = limits::kScrubInterval;
  SyncPolicy fsync;  ///< of topics that are not given another
  bool use_io_uring = true;
  std::string admin_host = "127.0.0.1";
  std::uint16_t admin_port = 0;  ///< 0: none

  /// <data_dir>/node_<id>
  std::string node_directory() const;
  const std::string& advertised_host() const { return raft_advertise_host.empty() ? raft_host : raft_advertise_host; }
};

/// A wish to be told something instead of starting: print `text` on stdout and end with 0.
struct Information {
  std::string text;
};

/// The value of an environment variable, if it is set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

/// `arguments` without the program's name.
Result<std::variant<Config, Information>> read_config(const std::vector<std::string>& arguments,
                                                      const Environment& environment);

}  // namespace walrus::server
