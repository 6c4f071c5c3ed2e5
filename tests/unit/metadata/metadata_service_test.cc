#include "metadata/metadata_service.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>

#include "tests/unit/metadata/service_cluster.h"
#include "tests/unit/metadata/test_seed.h"

namespace walrus::metadata::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class MetadataServiceTest : public testing::Test {
 protected:
  MetadataServiceTest()
      : seed_(test_seed()), trace_(__FILE__, __LINE__, fmt::format("seed {}", seed_)), cluster(seed_) {}
  const std::uint64_t seed_;
  testing::ScopedTrace trace_;
  ServiceCluster cluster;
};

TEST_F(MetadataServiceTest, an_empty_node_without_join_makes_a_cluster_of_its_own) {
  ASSERT_TRUE(cluster.start(1));
  EXPECT_EQ(cluster.node(1).view()->version(), 0u);
  ASSERT_TRUE(cluster.run_until([&] { return cluster.node(1).service->ready(); }, 1s));
  const ViewPtr view = cluster.node(1).view();
  EXPECT_FALSE(view->cluster_id().is_nil());
  EXPECT_EQ(cluster.node(1).cluster_id, view->cluster_id());
  ASSERT_EQ(view->nodes().size(), 1u);
  EXPECT_TRUE(view->find_node(NodeId(1))->voter);
  EXPECT_EQ(view->find_node(NodeId(1))->peer_address, cluster.node(1).address);

  const auto applied = cluster.create_topic(1, "logs");
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_TRUE(applied->status);
  ASSERT_NE(cluster.node(1).view()->find_topic("logs"), nullptr) << "done before it is visible";
  EXPECT_EQ(cluster.node(1).view()->version(), applied->version);
}

TEST_F(MetadataServiceTest, nodes_join_become_voters_and_see_the_same) {
  cluster.form(3);
  EXPECT_LT(cluster.world.now().time_since_epoch(), 2s);
  for (const std::uint64_t id : {1, 2, 3}) {
    const auto applied = cluster.create_topic(id, fmt::format("from-{}", id));
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_NE(cluster.node(id).view()->find_topic(fmt::format("from-{}", id)), nullptr);
    EXPECT_EQ(cluster.node(id).cluster_id, cluster.node(1).cluster_id);
  }
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agree(); }));
  EXPECT_EQ(cluster.node(3).view()->topic_count(), 3u);
  std::set<NodeId> leaders;
  for (const std::uint64_t id : {1, 2, 3}) {
    leaders.insert(cluster.node(2).view()->find_topic(fmt::format("from-{}", id))->last().leader);
  }
  EXPECT_EQ(leaders.size(), 3u);  // new topics spread
}

/// Else the loss of the first node's disk, moments after the start, would lose topics with records on three.
TEST_F(MetadataServiceTest, a_topic_waits_until_as_many_nodes_vote_as_shall_have_its_records) {
  ASSERT_TRUE(cluster.start(1));
  ASSERT_TRUE(cluster.start(2, {cluster.address_of(1)}));
  ASSERT_TRUE(cluster.start(3, {cluster.address_of(1)}));
  const auto voters_at = [&](std::uint64_t id) {
    return std::ranges::count_if(std::views::values(cluster.node(id).view()->nodes()), &NodeInfo::voter);
  };
  ASSERT_TRUE(cluster.run_until([&] {
    return cluster.node(1).view()->nodes().size() == 3 && cluster.node(2).service->ready() && voters_at(1) == 1;
  }));
  const auto one = cluster.create_topic(1, "one");  // one replica: it is lost with its disk anyway
  ASSERT_TRUE(one && one->status);
  EXPECT_EQ(voters_at(1), 1);
  for (const std::uint64_t id : {2, 1}) {  // through another node, and at the leader
    Command command = create_topic_command(fmt::format("three-{}", id));
    command.mutable_create_topic()->set_replicas(3);
    const auto applied = cluster.propose(id, command);
    ASSERT_TRUE(applied && applied->status);
    EXPECT_EQ(voters_at(id), 3);
  }
}

TEST_F(MetadataServiceTest, the_sixth_node_and_more_are_standbys) {
  cluster.form(7);
  ASSERT_TRUE(cluster.run_until([&] {
    return std::ranges::all_of(cluster.node(7).view()->nodes(), [](const auto& node) { return node.second.member; });
  }));
  std::uint64_t voters = 0;
  for (const auto& [id, node] : cluster.node(7).view()->nodes()) voters += node.voter;
  EXPECT_EQ(voters, 5u);
  const auto applied = cluster.create_topic(7, "logs");
  ASSERT_TRUE(applied);
  EXPECT_EQ(cluster.node(1).service->status().cluster_size, 7u);
}

TEST_F(MetadataServiceTest, a_node_may_join_through_any_member_and_before_its_target_is_there) {
  ASSERT_TRUE(cluster.start(3, {ServiceCluster::address_of(2)}));
  ASSERT_TRUE(cluster.start(2, {ServiceCluster::address_of(9), ServiceCluster::address_of(1)}));
  cluster.world.run_for(2s);
  ASSERT_TRUE(cluster.start(1));
  ASSERT_TRUE(cluster.run_until(
      [&] { return cluster.node(3).service->ready() && cluster.node(3).view()->nodes().size() == 3; }));
}

TEST_F(MetadataServiceTest, all_nodes_restart_and_find_each_other_without_join) {
  cluster.form(3);
  ASSERT_TRUE(cluster.create_topic(2, "logs"));
  for (int round = 0; round < 3; ++round) {
    for (const std::uint64_t id : {1, 2, 3}) cluster.crash(id);
    cluster.world.run_for(1s);
    for (const std::uint64_t id : {1, 2, 3}) ASSERT_TRUE(cluster.start(id)) << cluster.node(id).open_error->message();
    for (const std::uint64_t id : {1, 2, 3}) {
      ASSERT_TRUE(cluster.run_until([&] { return cluster.node(id).service->ready(); }, 10s));
      EXPECT_NE(cluster.node(id).view()->find_topic("logs"), nullptr);
    }
    const std::string name = fmt::format("round-{}", round);
    ASSERT_TRUE(cluster.create_topic(3, name));
  }
}

TEST_F(MetadataServiceTest, a_restarted_node_shows_nothing_until_a_leader_has_told_what_is_committed) {
  cluster.form(3);
  ASSERT_TRUE(cluster.create_topic(2, "logs"));
  for (const std::uint64_t id : {1, 2, 3}) cluster.crash(id);
  ASSERT_TRUE(cluster.start(1));
  std::optional<Result<Applied>> answer;
  cluster.node(1).service->client().propose(create_topic_command("more"),
                                            [&](Result<Applied> result) { answer.emplace(std::move(result)); });
  cluster.world.run_for(4s);
  EXPECT_FALSE(cluster.node(1).service->ready());
  EXPECT_EQ(cluster.node(1).view()->version(), 0u);
  ASSERT_TRUE(cluster.run_until([&] { return answer.has_value(); }, 3s));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kRaftNotInitialized);
}

TEST_F(MetadataServiceTest, the_cluster_goes_on_without_its_leader_and_takes_it_back) {
  cluster.form(3);
  for (int round = 0; round < 5; ++round) {
    ServiceNode* old = cluster.await_leader();
    const std::uint64_t gone = old->id.value();
    const std::uint64_t other = gone == 1 ? 2 : 1;
    cluster.crash(gone);
    const auto asked = cluster.world.now();
    const auto applied = cluster.create_topic(other, fmt::format("round-{}", round));
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_LT(cluster.world.now() - asked, 3s);
    ASSERT_TRUE(cluster.start(gone));
    ASSERT_TRUE(cluster.run_until([&] { return cluster.agree(); }));
    EXPECT_EQ(cluster.node(gone).view()->topic_count(), static_cast<std::size_t>(round) + 1);
  }
}

TEST_F(MetadataServiceTest, a_minority_says_that_nothing_was_carried_out_or_that_it_does_not_know) {
  cluster.form(3);
  const std::uint64_t alone = cluster.await_leader()->id.value();
  cluster.network.isolate(NodeId(alone));
  std::map<ErrorCode, int> answers;
  const auto ask = [&](const std::string& name) {
    const auto applied = cluster.create_topic(alone, name);
    ASSERT_FALSE(applied);
    ++answers[applied.error().code];
  };
  ask("first");   // in the log of the deposed leader: unknown
  ask("second");  // no leader known: surely not
  EXPECT_EQ(answers[ErrorCode::kOutcomeUnknown], 1);
  EXPECT_EQ(answers[ErrorCode::kUnavailable], 1);
  cluster.network.heal_all();
  ASSERT_TRUE(cluster.create_topic(alone, "third"));
  EXPECT_EQ(cluster.node(alone).view()->find_topic("second"), nullptr);
}

TEST_F(MetadataServiceTest, a_barrier_shows_what_any_node_had_acknowledged) {
  cluster.form(3);
  for (int i = 0; i < 20; ++i) {
    const std::string name = fmt::format("t{}", i);
    ASSERT_TRUE(cluster.create_topic(1 + static_cast<std::uint64_t>(i) % 3, name));
    const std::uint64_t reader = 1 + static_cast<std::uint64_t>(i + 1) % 3;
    int done = 0;
    for (int n = 0; n < 50; ++n) {
      cluster.node(reader).service->client().barrier([&](Status status) {
        EXPECT_TRUE(status) << status.error().message();
        EXPECT_NE(cluster.node(reader).view()->find_topic(name), nullptr);
        ++done;
      });
    }
    ASSERT_TRUE(cluster.run_until([&] { return done == 50; }));
  }
  // Fifty share one or two entries.
  EXPECT_LT(cluster.node(1).view()->version(), 150u);
}

TEST_F(MetadataServiceTest, waits_for_a_version_and_tells_subscribers_of_each_view) {
  cluster.form(2);
  MetadataClient& client = cluster.node(2).service->client();
  std::vector<Version> seen;
  auto subscription = client.subscribe([&](const ViewPtr& before, const ViewPtr& now) {
    EXPECT_LT(before->version(), now->version());
    seen.push_back(now->version());
  });
  const Version wanted = client.view()->version() + 1;
  std::optional<Status> waited, timed_out;
  client.wait_for(wanted, 5s, [&](Status status) { waited = status; });
  client.wait_for(wanted + 1000, 1s, [&](Status status) { timed_out = status; });
  EXPECT_FALSE(waited);
  const auto applied = cluster.create_topic(1, "logs");
  ASSERT_TRUE(cluster.run_until([&] { return waited.has_value(); }));
  EXPECT_TRUE(*waited);
  ASSERT_TRUE(cluster.run_until([&] { return timed_out.has_value(); }));
  EXPECT_EQ(timed_out->error().code, ErrorCode::kTimedOut);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), applied->version);
  subscription.reset();
  const std::size_t before = seen.size();
  ASSERT_TRUE(cluster.create_topic(2, "more"));
  EXPECT_EQ(seen.size(), before);
}

TEST_F(MetadataServiceTest, a_client_of_another_loop_sees_what_it_proposed_and_may_outlive_the_service) {
  cluster.form(2);
  io::SimLoop& shard = cluster.world.make_loop("shard");
  auto client = cluster.node(2).service->client_for(shard);
  std::optional<Result<Applied>> answer;
  bool visible = false;
  shard.post([&] {
    client->propose(create_topic_command("logs"), [&](Result<Applied> result) {
      visible = client->view()->find_topic("logs") != nullptr;
      answer.emplace(std::move(result));
    });
  });
  ASSERT_TRUE(cluster.run_until([&] { return answer.has_value(); }));
  ASSERT_TRUE(*answer) << answer->error().message();
  EXPECT_TRUE(visible);
  cluster.stop(2);
  answer.reset();
  client->propose(create_topic_command("late"), [&](Result<Applied> result) { answer.emplace(std::move(result)); });
  cluster.world.run_for(1s);
  EXPECT_FALSE(answer.has_value()) << "the loop of the service is gone with it";
  client.reset();
}

TEST_F(MetadataServiceTest, a_stop_answers_everything_that_waits) {
  cluster.form(3);
  const std::uint64_t alone = cluster.await_leader()->id.value();
  cluster.network.isolate(NodeId(alone));
  std::map<ErrorCode, int> answers;
  for (int i = 0; i < 10; ++i) {
    cluster.node(alone).service->client().propose(create_topic_command(fmt::format("t{}", i)), [&](Result<Applied> r) {
      ++answers[r ? ErrorCode::kExists : r.error().code];
    });
    if (i == 4) cluster.world.run_for(10ms);
  }
  cluster.stop(alone);
  EXPECT_EQ(answers[ErrorCode::kOutcomeUnknown], 5);  // in its log
  EXPECT_EQ(answers[ErrorCode::kShuttingDown], 5);    // not even there
}

TEST_F(MetadataServiceTest, a_moved_node_is_found_at_its_new_address) {
  cluster.form(3);
  const std::uint64_t moved = cluster.await_leader()->id.value();
  cluster.crash(moved);
  cluster.node(moved).address = "10.0.0.99:6000";
  ASSERT_TRUE(cluster.start(moved));
  ASSERT_TRUE(cluster.run_until([&] {
    for (auto& [id, node] : cluster.nodes) {
      if (!node->service->ready()) return false;
      if (node->view()->find_node(NodeId(moved))->peer_address != "10.0.0.99:6000") return false;
    }
    return true;
  })) << "nobody was told";
  ASSERT_TRUE(cluster.create_topic(moved, "logs"));
}

TEST_F(MetadataServiceTest, a_node_that_lost_its_metadata_but_not_its_identity_is_refused) {
  cluster.form(3);
  cluster.crash(2);
  cluster.node(2).disk->wipe();
  // It may have voted.
  EXPECT_FALSE(cluster.start(2, {ServiceCluster::address_of(1)}));
  EXPECT_EQ(cluster.node(2).open_error->code, ErrorCode::kIdentityRefused);
}

TEST_F(MetadataServiceTest, a_wiped_node_takes_its_own_place_as_a_new_member_once_it_was_missed) {
  cluster.form(3);
  ServiceNode& wiped = cluster.node(2);
  const RaftId old_raft_id = cluster.node(1).view()->find_node(wiped.id)->raft_id;
  cluster.crash(2);
  const Command down = set_node_state_command(wiped, NodeState::kDown);
  wiped.disk->wipe();
  wiped.cluster_id.reset();
  wiped.disk_id = Uuid(7, 7);
  ASSERT_TRUE(cluster.start(2, {ServiceCluster::address_of(1)}));
  cluster.world.run_for(std::chrono::seconds(3));
  EXPECT_FALSE(wiped.service->ready()) << "as far as anybody knows the old one is up";
  EXPECT_FALSE(wiped.refusal) << "but that may change";

  ASSERT_TRUE(cluster.propose(1, down));
  ASSERT_TRUE(cluster.run_until([&] {
    const NodeInfo* node = wiped.service->ready() ? wiped.view()->find_node(wiped.id) : nullptr;
    return node != nullptr && node->disk_id == Uuid(7, 7) && node->voter;
  }));
  EXPECT_NE(wiped.view()->find_node(wiped.id)->raft_id, old_raft_id);
  EXPECT_EQ(cluster.node(1).service->status().cluster_size, 3u) << "the old member is gone";
  ASSERT_TRUE(cluster.create_topic(2, "logs"));
}

TEST_F(MetadataServiceTest, a_removed_node_leaves_the_group_is_told_and_can_be_replaced) {
  cluster.form(3);
  const std::uint64_t gone = cluster.await_leader()->id.value();  // the hardest: the leader itself
  const std::uint64_t asker = gone == 1 ? 2 : 1;
  const auto applied = cluster.propose(asker, set_node_state_command(cluster.node(gone), NodeState::kRemoved));
  ASSERT_TRUE(applied && applied->status);
  ASSERT_TRUE(cluster.run_until([&] { return cluster.node(gone).refusal.has_value(); })) << "it was not told";
  cluster.crash(gone);
  ASSERT_TRUE(cluster.run_until([&] { return !cluster.node(asker).view()->find_node(NodeId(gone))->member; }));
  EXPECT_EQ(cluster.node(asker).service->status().cluster_size, 2u);
  ASSERT_TRUE(cluster.create_topic(asker, "logs"));

  ServiceNode& back = cluster.node(gone);
  back.disk->wipe();
  back.cluster_id.reset();
  back.disk_id = Uuid(8, 8);
  ASSERT_TRUE(cluster.start(gone, {ServiceCluster::address_of(asker)}));
  ASSERT_TRUE(cluster.run_until([&] {
    return back.service->ready() && back.view()->find_node(back.id)->voter && back.view()->find_topic("logs");
  }));
}

TEST_F(MetadataServiceTest, a_node_of_another_cluster_is_not_mistaken_for_ours) {
  ASSERT_TRUE(cluster.start(1));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.node(1).service->ready(); }));
  cluster.stop(1);
  cluster.node(1).cluster_id = Uuid(1, 1);  // the identity file of somebody else
  ASSERT_TRUE(cluster.start(1));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.node(1).refusal.has_value(); }));
  EXPECT_EQ(cluster.node(1).refusal->code, ErrorCode::kIdentityRefused);
}

TEST_F(MetadataServiceTest, a_joiner_that_begins_while_the_cluster_works_catches_up_by_snapshot_and_log) {
  cluster.form(3);
  int answered = 0;
  int asked = 0;
  std::function<void()> load = [&] {
    if (asked >= 3000) return;
    ++asked;
    cluster.node(1).service->client().propose(create_topic_command(fmt::format("t{}", asked % 100)),
                                              [&](Result<Applied> applied) {
                                                answered += applied.has_value();
                                                load();
                                              });
  };
  for (int i = 0; i < 50; ++i) load();
  ASSERT_TRUE(cluster.run_until([&] { return answered > 1500; }));
  ASSERT_TRUE(cluster.start(4, {ServiceCluster::address_of(2)}));
  ASSERT_TRUE(cluster.run_until([&] {
    return cluster.node(4).service->ready() && cluster.node(4).view()->find_node(NodeId(4)) != nullptr &&
           cluster.node(4).view()->find_node(NodeId(4))->voter;
  }));
  ASSERT_TRUE(cluster.run_until([&] { return answered == 3000 && cluster.agree(); }));
  EXPECT_EQ(cluster.node(4).view()->topic_count(), 100u);
}

TEST_F(MetadataServiceTest, many_proposals_share_a_write_to_disk) {
  ASSERT_TRUE(cluster.start(1));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.node(1).service->ready(); }));
  const std::uint64_t before = cluster.node(1).disk->changes();
  int done = 0;
  for (int i = 0; i < 1000; ++i) {
    cluster.node(1).service->client().propose(create_topic_command(fmt::format("t{}", i)), [&](Result<Applied> result) {
      EXPECT_TRUE(result);
      ++done;
    });
  }
  ASSERT_TRUE(cluster.run_until([&] { return done == 1000; }));
  EXPECT_LT(cluster.node(1).disk->changes() - before, 20u);
}

TEST_F(MetadataServiceTest, status_answers_metrics) {
  cluster.form(3);
  ServiceNode* leader = cluster.await_leader();
  const RaftStatus status = leader->service->status();
  EXPECT_EQ(status.node_id, leader->id);
  EXPECT_EQ(status.state, RaftState::kLeader);
  EXPECT_EQ(status.leader_id, leader->id);
  EXPECT_EQ(status.voted_for, leader->id);
  EXPECT_EQ(status.cluster_size, 3u);
  EXPECT_EQ(status.peers.size(), 2u);
  EXPECT_GT(status.current_term, 0u);
  EXPECT_EQ(status.commit_index, status.last_applied);
  for (const RaftPeer& peer : status.peers) EXPECT_GT(peer.match_index, 0u);
  for (auto& [id, node] : cluster.nodes) {
    if (node.get() == leader) continue;
    EXPECT_EQ(node->service->status().state, RaftState::kFollower);
    EXPECT_EQ(node->service->status().leader_id, leader->id);
    EXPECT_TRUE(node->service->status().peers.empty());
  }
}

TEST_F(MetadataServiceTest, steps_down_before_a_planned_stop) {
  cluster.form(3);
  ServiceNode* leader = cluster.await_leader();
  leader->service->step_down();
  ASSERT_TRUE(cluster.run_until([&] { return !leader->service->is_leader() && cluster.leader() != nullptr; }, 200ms));
}

}  // namespace
}  // namespace walrus::metadata::test
