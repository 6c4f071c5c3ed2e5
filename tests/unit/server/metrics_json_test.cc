#include "server/metrics_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace walrus::server {
namespace {

NodeMetrics leader() {
  NodeMetrics metrics;
  metrics.raft = {.node_id = NodeId(1),
                  .state = metadata::RaftState::kLeader,
                  .current_term = 2,
                  .commit_index = 3,
                  .last_applied = 3,
                  .leader_id = NodeId(1),
                  .voted_for = {},
                  .log_length = 4,
                  .cluster_size = 2,
                  .peers = {{.node_id = NodeId(2), .match_index = 3, .next_index = {}}}};
  return metrics;
}

TEST(MetricsJson, BeginsWithTheDocumentedFieldsInTheirOrder) {
  EXPECT_TRUE(metrics_json(leader()).starts_with(
      R"({"node_id":1,"state":"Leader","current_term":2,"commit_index":3,"last_applied":3,"leader_id":1,)"
      R"("voted_for":null,"log_length":4,"cluster_size":2,"peers":[{"node_id":2,"match_index":3,"next_index":null}])"));
}

TEST(MetricsJson, HasNullForWhatIsNotKnown) {
  const auto json = nlohmann::json::parse(metrics_json({}));
  EXPECT_TRUE(json.at("leader_id").is_null());
  EXPECT_TRUE(json.at("cluster_id").is_null());
  EXPECT_TRUE(json.at("peers").empty());
  EXPECT_EQ(json.at("state"), "Follower");
}

TEST(MetricsPrometheus, HasATypeAndAValuePerMetric) {
  const std::string text = metrics_prometheus(leader());
  EXPECT_NE(text.find("# TYPE walrus_raft_term counter\nwalrus_raft_term 2\n"), std::string::npos);
  EXPECT_NE(text.find("walrus_raft_is_leader 1\n"), std::string::npos);
}

}  // namespace
}  // namespace walrus::server
