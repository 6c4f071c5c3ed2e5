#include "server/metrics_json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace walrus::server {
namespace {

using Json = nlohmann::ordered_json;

Json id_or_null(const std::optional<NodeId>& id) { return id ? Json(id->value()) : Json(nullptr); }

const char* state_name(metadata::RaftState state) {
  switch (state) {
    case metadata::RaftState::kFollower:
      return "Follower";
    case metadata::RaftState::kCandidate:
      return "Candidate";
    case metadata::RaftState::kLeader:
      return "Leader";
  }
  return "";
}

Json peers_json(const std::vector<metadata::RaftPeer>& peers) {
  Json list = Json::array();
  for (const auto& peer : peers) {
    list.push_back({{"node_id", peer.node_id.value()},
                    {"match_index", peer.match_index},
                    {"next_index", peer.next_index ? Json(*peer.next_index) : Json(nullptr)}});
  }
  return list;
}

}  // namespace

std::string metrics_json(const NodeMetrics& metrics) {
  const metadata::RaftStatus& raft = metrics.raft;
  const Json json = {{"node_id", raft.node_id.value()},
                     {"state", state_name(raft.state)},
                     {"current_term", raft.current_term},
                     {"commit_index", raft.commit_index},
                     {"last_applied", raft.last_applied},
                     {"leader_id", id_or_null(raft.leader_id)},
                     {"voted_for", id_or_null(raft.voted_for)},
                     {"log_length", raft.log_length},
                     {"cluster_size", raft.cluster_size},
                     {"peers", peers_json(raft.peers)},
                     {"voters", metrics.voters},
                     {"cluster_id", metrics.cluster_id.is_nil() ? Json(nullptr) : Json(metrics.cluster_id.hex())},
                     {"metadata_version", metrics.metadata_version},
                     {"topics", metrics.topics},
                     {"connections", metrics.connections},
                     {"shards", metrics.shards},
                     {"io_uring", metrics.io_uring},
                     {"uptime_ms", metrics.uptime_ms},
                     {"version", WALRUS_VERSION},
                     {"lost_segments", metrics.lost_segments},
                     {"repair",
                      {{"copies_made", metrics.repair.copies_made},
                       {"copies_failed", metrics.repair.copies_failed},
                       {"copied_bytes", metrics.repair.copied_bytes},
                       {"scrubbed_segments", metrics.repair.scrubbed_segments},
                       {"scrubbed_bytes", metrics.repair.scrubbed_bytes},
                       {"damage_found", metrics.repair.damage_found},
                       {"healed", metrics.repair.healed}}}};
  return json.dump();
}

std::string metrics_prometheus(const NodeMetrics& metrics) {
  std::string text;
  const auto add = [&text](const char* name, const char* type, const char* help, std::uint64_t value) {
    text += fmt::format("# HELP walrus_{0} {1}\n# TYPE walrus_{0} {2}\nwalrus_{0} {3}\n", name, help, type, value);
  };
  const metadata::RaftStatus& raft = metrics.raft;
  add("raft_is_leader", "gauge", "1 on the Raft leader", raft.state == metadata::RaftState::kLeader ? 1 : 0);
  add("raft_term", "counter", "current Raft term", raft.current_term);
  add("raft_commit_index", "counter", "Raft index that is committed", raft.commit_index);
  add("raft_last_applied", "counter", "Raft index that is applied here", raft.last_applied);
  add("raft_cluster_size", "gauge", "members of the Raft group", raft.cluster_size);
  add("raft_voters", "gauge", "members of the Raft group that vote", metrics.voters);
  add("metadata_version", "counter", "version of the metadata view", metrics.metadata_version);
  add("topics", "gauge", "topics in the cluster", metrics.topics);
  add("client_connections", "gauge", "client connections of this node", metrics.connections);
  add("shards", "gauge", "threads that serve topics", metrics.shards);
  add("lost_segments", "gauge", "sealed segments of the cluster that nobody has any more", metrics.lost_segments);
  add("repair_copies_made", "counter", "copies of segments made here", metrics.repair.copies_made);
  add("repair_copies_failed", "counter", "tried in vain", metrics.repair.copies_failed);
  add("repair_copied_bytes", "counter", "fetched for copies", metrics.repair.copied_bytes);
  add("scrubbed_segments", "counter", "segments read and checked", metrics.repair.scrubbed_segments);
  add("scrubbed_bytes", "counter", "bytes read and checked", metrics.repair.scrubbed_bytes);
  add("damage_found", "counter", "copies that were not what they should be", metrics.repair.damage_found);
  add("damage_healed", "counter", "of which replaced by a good one here", metrics.repair.healed);
  add("uptime_seconds", "counter", "seconds since the start", static_cast<std::uint64_t>(metrics.uptime_ms / 1000));
  return text;
}

}  // namespace walrus::server
