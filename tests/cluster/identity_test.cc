// A node is its data directory: foreign, copied and replaced ones are refused with a clear text and exit code 4, and
// the cluster they meant to join goes on undisturbed. A wiped one is a new incarnation of its node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/harness/node.h"

namespace walrus::test {
namespace {

constexpr int kIdentity = 4;

class Identity : public ::testing::Test {
 protected:
  void SetUp() override { cluster_.start(); }
  void TearDown() override {
    for (std::size_t number = 1; number <= cluster_.size(); ++number) {
      EXPECT_TRUE(cluster_.node(number).running()) << "node " << number << ": " << cluster_.node(number).errors();
      EXPECT_NO_THROW(cluster_.node(number).stop());
    }
  }

  void expect_refused(Node& node, const std::string& words) {
    const auto ended = node.wait_until_ended();
    ASSERT_TRUE(ended) << "it still runs; it said: " << node.errors();
    EXPECT_EQ(*ended, (Ended{.code = kIdentity, .signal = 0})) << node.errors();
    EXPECT_THAT(node.errors(), ::testing::HasSubstr(words));
  }

  Cluster cluster_{3};
  const TempDir elsewhere_;
};

TEST_F(Identity, ANodeOfAnotherClusterIsRefused) {
  // It bootstrapped a cluster of its own, and then takes the ports and the place of node 3.
  Node& third = cluster_.node(3);
  third.stop();
  std::filesystem::rename(third.folder(), elsewhere_ / "kept");
  Node foreign({.id = 3, .data_dir = elsewhere_ / "data", .join = {}, .flags = {}, .environment = {}});
  foreign.start_and_wait();
  foreign.stop();
  std::filesystem::rename(foreign.folder(), third.folder());
  third.start();
  expect_refused(third, "cluster");

  std::filesystem::remove_all(third.folder());
  std::filesystem::rename(elsewhere_ / "kept", third.folder());
  third.start();
  cluster_.wait_until_formed();
}

TEST_F(Identity, AWipedNodeRejoinsByItselfAndItsOldDirectoryIsRefusedFromThenOn) {
  Node& third = cluster_.node(3);
  third.stop();
  std::filesystem::rename(third.folder(), elsewhere_ / "kept");
  third.start_and_wait();  // the same command line
  cluster_.wait_until_formed();
  EXPECT_EQ(third.request("REGISTER logs"), "OK");

  third.stop();
  std::filesystem::rename(third.folder(), elsewhere_ / "new");
  std::filesystem::rename(elsewhere_ / "kept", third.folder());
  third.start();
  expect_refused(third, "replaced");

  std::filesystem::remove_all(third.folder());
  std::filesystem::rename(elsewhere_ / "new", third.folder());
  third.start();
  cluster_.wait_until_formed();
}

TEST_F(Identity, ACopiedDirectoryIsRefusedWhileTheOriginalRuns) {
  Node& third = cluster_.node(3);
  third.stop();
  std::filesystem::create_directories(elsewhere_ / "data");
  std::filesystem::copy(third.folder(), elsewhere_ / "data" / "node_3", std::filesystem::copy_options::recursive);
  third.start();
  cluster_.wait_until_formed();

  Node copy({.id = 3,
             .data_dir = elsewhere_ / "data",
             .join = cluster_.node(1).raft_address(),
             .flags = {},
             .environment = {}});
  copy.start();
  expect_refused(copy, "3");
  EXPECT_EQ(cluster_.node(1).metrics().at("cluster_size"), 3);
}

TEST_F(Identity, ANewNodeUnderAnIdThatIsTakenIsRefused) {
  Node twin({.id = 2,
             .data_dir = elsewhere_ / "data",
             .join = cluster_.node(1).raft_address(),
             .flags = {},
             .environment = {}});
  twin.start();
  expect_refused(twin, "2");
}

TEST_F(Identity, ADirectoryOfAnotherNodeIdIsRefused) {
  Node& third = cluster_.node(3);
  third.stop();
  Node renamed({.id = 5, .data_dir = elsewhere_ / "data", .join = {}, .flags = {}, .environment = {}});
  std::filesystem::create_directories(elsewhere_ / "data");
  std::filesystem::copy(third.folder(), renamed.folder(), std::filesystem::copy_options::recursive);
  renamed.start();
  expect_refused(renamed, "5");
  third.start();
  cluster_.wait_until_formed();
}

TEST_F(Identity, AFourthNodeMayJoinAtAnyNode) {
  Node fourth({.id = 4,
               .data_dir = elsewhere_ / "data",
               .join = cluster_.node(3).raft_address(),
               .flags = {},
               .environment = {}});
  fourth.start_and_wait();
  EXPECT_TRUE(eventually([&] { return fourth.metrics().at("cluster_size") == 4; }));
  EXPECT_TRUE(eventually([&] { return cluster_.node(1).metrics().at("cluster_size") == 4; }));
  ASSERT_EQ(fourth.request("REGISTER logs"), "OK");
  EXPECT_EQ(cluster_.node(2).request("GET logs"), "EMPTY");
  fourth.stop();
}

}  // namespace
}  // namespace walrus::test
