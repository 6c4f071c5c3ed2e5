#include "server/setting.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <limits>
#include <thread>
#include <utility>

#include "net/tcp_acceptor.h"

namespace walrus::server {
namespace {

using Assign = std::function<Status(Config&, const std::string&)>;

Result<std::uint64_t> parse_number(const std::string& text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number >= least && number <= most) return number;
  const std::string range = most == std::numeric_limits<std::uint64_t>::max() ? fmt::format("from {} up", least)
                                                                              : fmt::format("{} to {}", least, most);
  return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not a whole number {}", text, range));
}

/// Assigns a number to `member`, converted by `make`.
template <class Member, class Make>
Assign number(Member Config::* member, std::uint64_t least, std::uint64_t most, Make make) {
  return [=](Config& config, const std::string& text) -> Status {
    WALRUS_ASSIGN(const std::uint64_t value, parse_number(text, least, most));
    config.*member = make(value);
    return {};
  };
}
template <class Member>
Assign number(Member Config::* member, std::uint64_t least,
              std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  return number(member, least, most, [](std::uint64_t value) { return static_cast<Member>(value); });
}
Assign port(std::uint16_t Config::* member) { return number(member, 0, 65535); }
Assign milliseconds(std::chrono::milliseconds Config::* member, std::uint64_t least) {
  return number(member, least, 86'400'000, [](std::uint64_t value) { return std::chrono::milliseconds(value); });
}

Assign seconds(std::chrono::seconds Config::* member) {
  return number(member, 0, 366ull * 86'400, [](std::uint64_t value) { return std::chrono::seconds(value); });
}

Assign text(std::string Config::* member, bool may_be_empty = false) {
  return [=](Config& config, const std::string& value) -> Status {
    if (value.empty() && !may_be_empty) return fail(ErrorCode::kInvalidArgument, "must not be empty");
    config.*member = value;
    return {};
  };
}

Status add_join(Config& config, const std::string& value) {
  WALRUS_TRY(net::split_address(value));
  config.join.push_back(value);
  return {};
}

Status assign_level(Config& config, const std::string& value) {
  WALRUS_ASSIGN(config.log_level, log::parse_level(value));
  return {};
}

Status assign_fsync(Config& config, const std::string& value) {
  WALRUS_ASSIGN(config.fsync, parse_sync_policy(value));
  return {};
}

Status assign_disable_io_uring(Config& config, const std::string& value) {
  config.use_io_uring = value == "0" || value == "false" || value.empty();
  return {};
}

std::vector<Setting> make_settings() {
  using std::to_string;
  std::vector<Setting> all = {
      {"node-id", "", "ID", "1", "number of this node in the cluster, from 1",
       number(&Config::node_id, 1, std::numeric_limits<std::uint64_t>::max(),
              [](std::uint64_t id) { return NodeId(id); })},
      {"data-dir", "", "DIR", "./data", "data lies in DIR/node_<id>", text(&Config::data_dir)},
      {"client-host", "", "HOST", "127.0.0.1", "where clients connect", text(&Config::client_host)},
      {"client-port", "", "PORT", "8080", "where clients connect", port(&Config::client_port)},
      {"raft-host", "", "HOST", "127.0.0.1", "where other nodes connect", text(&Config::raft_host)},
      {"raft-port", "", "PORT", "6000", "where other nodes connect", port(&Config::raft_port)},
      {"raft-advertise-host", "", "HOST", "the raft host", "how other nodes reach this one",
       text(&Config::raft_advertise_host, true)},
      {"join", "", "HOST:PORT", "", "internal address of a member, to join at while the directory is empty", add_join,
       true},
      {"initial-peer", "", "HOST:PORT", "", "one more address to try when joining", add_join, true},
      {"log-file", "", "FILE", "stderr", "where the log goes", text(&Config::log_file, true)},
      {"log-level", "WALRUS_LOG", "LEVEL", "info", "trace, debug, info, warn, error or off", assign_level},
      {"shards", "", "N", to_string(default_shards()), "threads that serve topics",
       number(&Config::shards, 1, limits::kMaxShards)},
      {"max-frame-bytes", "", "BYTES", to_string(limits::kMaxFrameBytes), "longest request",
       number(&Config::max_frame_bytes, 64, limits::kMaxSkippedFrameBytes)},
      {"max-connections", "", "N", to_string(limits::kMaxConnections), "client connections at a time",
       number(&Config::max_connections, 1, 1'000'000)},
      {"client-bytes-per-second", "", "BYTES", "0",
       "requests and replies of one connection; who wants more is slowed down; 0: no limit",
       number(&Config::client_bytes_per_second, 0)},
      {"replication-factor", "", "N", to_string(Config().replication_factor),
       "replicas of each segment of a new topic, as far as so many nodes are up",
       number(&Config::replication_factor, 1, limits::kMaxReplicas)},
      {"max-segment-entries", "", "N", to_string(limits::kMaxSegmentEntries), "records after which a segment is sealed",
       number(&Config::max_segment_entries, 1)},
      {"monitor-check-ms", "", "MS", to_string(std::chrono::milliseconds(limits::kMonitorInterval).count()),
       "how often all segments are looked at", milliseconds(&Config::monitor_interval, 1)},
      {"election-timeout-ms", "", "MS", "300",
       "silence after which another Raft leader is elected; more on slow networks",
       milliseconds(&Config::election_timeout, 50)},
      {"repair-grace-s", "", "S", to_string(std::chrono::seconds(limits::kRepairGrace).count()),
       "how long a node is down before what it holds is copied elsewhere", seconds(&Config::repair_grace)},
      {"scrub-interval-s", "", "S", to_string(std::chrono::seconds(limits::kScrubInterval).count()),
       "how often everything stored is read and checked; 0: never", seconds(&Config::scrub_interval)},
      {"fsync", "", "POLICY", "always",
       "when a record of a new topic counts as durable: always, or weaker: interval:<ms>, never", assign_fsync},
      {"disable-io-uring", "", "", "", "plain system calls instead of io_uring", assign_disable_io_uring},
      {"admin-host", "", "HOST", "127.0.0.1", "where /healthz and /metrics are served", text(&Config::admin_host)},
      {"admin-port", "", "PORT", "0", "the port of /healthz and /metrics; 0: none", port(&Config::admin_port)},
  };
  for (Setting& setting : all) {
    if (!setting.variable.empty()) continue;
    setting.variable = "WALRUS_" + setting.name;
    std::ranges::transform(setting.variable, setting.variable.begin(),
                           [](char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  }
  return all;
}

}  // namespace

std::uint32_t default_shards() {
  // The other half is the kernel's, for the network and for synced writes (docs/adr/0011).
  return std::clamp<std::uint32_t>(std::thread::hardware_concurrency() / 2, 1, limits::kMaxShards);
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = make_settings();
  return all;
}

}  // namespace walrus::server
