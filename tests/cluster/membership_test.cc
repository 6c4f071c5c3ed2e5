// How a cluster grows: five voters, the rest standbys; joining in any order and through any member.
#include <gtest/gtest.h>

#include <string>

#include "tests/harness/node.h"

namespace walrus::test {
namespace {

TEST(Membership, OfSevenNodesFiveVoteAndAllServe) {
  Cluster cluster(7);
  cluster.start();
  for (std::size_t number = 1; number <= 7; ++number) {
    const std::string topic = "topic-" + std::to_string(number);
    ASSERT_EQ(cluster.node(number).request("REGISTER " + topic), "OK");
    ASSERT_EQ(cluster.node(number).request("PUT " + topic + " x"), "OK");
    ASSERT_EQ(cluster.node(number % 7 + 1).request("GET " + topic), "OK x");
    EXPECT_EQ(cluster.node(number).metrics().at("voters"), 5);
  }
  cluster.stop();
}

TEST(Membership, ANodeWaitsForTheOneThatItIsToJoin) {
  Cluster cluster(3);
  cluster.node(3).start();
  cluster.node(2).start();
  // Both are up and say, in the documented words, that they are not part of anything yet.
  for (const std::size_t number : {std::size_t{2}, std::size_t{3}}) {
    ASSERT_TRUE(eventually([&] { return accepts_connections(cluster.node(number).client_port()); }));
    EXPECT_EQ(cluster.node(number).request("REGISTER logs"), "ERR raft cluster not initialized");
  }
  cluster.node(1).start();
  cluster.wait_until_formed();
  EXPECT_EQ(cluster.node(3).request("REGISTER logs"), "OK");
  cluster.stop();
}

TEST(Membership, AnInitialPeerIsAsGoodAsAJoin) {
  Cluster cluster(2);
  cluster.node(2).options().join.clear();
  cluster.node(2).options().flags = {"--initial-peer", cluster.node(1).raft_address()};
  cluster.start();
  EXPECT_EQ(cluster.node(1).metrics().at("cluster_size"), 2);
  cluster.stop();
}

TEST(Membership, OneOfSeveralJoinAddressesIsEnough) {
  Cluster cluster(2);
  cluster.node(2).options().join = "127.0.0.1:" + std::to_string(free_port());  // nobody
  cluster.node(2).options().flags = {"--join", cluster.node(1).raft_address()};
  cluster.start();
  EXPECT_EQ(cluster.node(2).request("REGISTER logs"), "OK");
  cluster.stop();
}

}  // namespace
}  // namespace walrus::test
