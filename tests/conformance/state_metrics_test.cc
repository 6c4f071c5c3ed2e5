// The two requests that answer with JSON: the documented fields are there, with their types and true values. More
// fields may follow.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using State = SingleNode;
using Metrics = SingleNode;

TEST_F(State, OfAFreshTopicIsOneOpenEmptySegment) {
  ASSERT_EQ(node_.request("REGISTER logs"), "OK");
  const auto state = node_.state("logs");
  EXPECT_EQ(state.at("topic"), "logs");
  EXPECT_EQ(state.at("cursor_position"), 0);
  EXPECT_EQ(state.at("total_entries"), 0);
  ASSERT_EQ(state.at("segments").size(), 1U);
  const auto& segment = state.at("segments")[0];
  EXPECT_EQ(segment.at("segment_id"), 0);
  EXPECT_EQ(segment.at("leader_node"), 1);
  EXPECT_EQ(segment.at("sealed"), false);
  EXPECT_EQ(segment.at("entry_count"), 0);
}

TEST_F(State, CountsEntriesAndTheCursor) {
  Connection connection = node_.connect();
  ASSERT_EQ(connection.request("REGISTER logs"), "OK");
  for (int i = 0; i < 5; ++i) ASSERT_EQ(connection.request("PUT logs x"), "OK");
  for (int i = 0; i < 3; ++i) ASSERT_EQ(connection.request("GET logs"), "OK x");
  const auto state = node_.state("logs");
  EXPECT_EQ(state.at("total_entries"), 5);
  EXPECT_EQ(state.at("cursor_position"), 3);
  EXPECT_EQ(state.at("segments")[0].at("entry_count"), 5);
}

TEST_F(State, IsCompactJsonWithTheDocumentedFieldsInTheirOrder) {
  ASSERT_EQ(node_.request("REGISTER logs"), "OK");
  ASSERT_EQ(node_.request("PUT logs x"), "OK");
  const std::string reply = node_.request("STATE logs");
  std::size_t from = 0;
  for (const char* part : {"OK {\"topic\":\"logs\"", "\"segments\":[{\"segment_id\":0", "\"leader_node\":1",
                           "\"sealed\":false", "\"entry_count\":1", "\"cursor_position\":0", "\"total_entries\":1"}) {
    const auto found = reply.find(part, from);
    ASSERT_NE(found, std::string::npos) << part << " not found (in order) in " << reply;
    from = found;
  }
}

TEST_F(State, EscapesATopicNameAsJsonNeedsIt) {
  const std::string name = R"(quo"te\back{🦭})";
  ASSERT_EQ(node_.request("REGISTER " + name), "OK");
  EXPECT_EQ(node_.state(name).at("topic"), name);
}

TEST_F(Metrics, OfASingleNodeNameItAsTheLeader) {
  const auto metrics = node_.metrics();
  EXPECT_EQ(metrics.at("node_id"), 1);
  EXPECT_EQ(metrics.at("state"), "Leader");
  EXPECT_EQ(metrics.at("leader_id"), 1);
  EXPECT_EQ(metrics.at("cluster_size"), 1);
  EXPECT_GE(metrics.at("current_term"), 1);
  EXPECT_GE(metrics.at("commit_index"), 1);
  EXPECT_GE(metrics.at("last_applied"), 1);
  EXPECT_TRUE(metrics.at("peers").is_array());
  for (const char* field : {"voted_for", "log_length"}) {
    ASSERT_TRUE(metrics.contains(field)) << field;
    EXPECT_TRUE(metrics.at(field).is_number() || metrics.at(field).is_null()) << field;
  }
}

TEST_F(Metrics, MoveOnWithMetadata) {
  const auto before = node_.metrics();
  ASSERT_EQ(node_.request("REGISTER logs"), "OK");
  const auto after = node_.metrics();
  EXPECT_GT(after.at("commit_index"), before.at("commit_index"));
  EXPECT_GE(after.at("last_applied"), after.at("commit_index").get<std::uint64_t>() - 1);
}

}  // namespace
}  // namespace walrus::test
