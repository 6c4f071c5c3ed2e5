// Idempotent producers and fencing tokens in the cluster's state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "metadata/cluster_state.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {
namespace {

class ClusterProducers : public testing::Test {
 protected:
  Status apply(const Command& command) { return state.apply(++index, command); }
  Status hello(const std::string& name, std::uint64_t instance) {
    Command command;
    command.mutable_register_producer()->set_name(name);
    command.mutable_register_producer()->set_instance(instance);
    return apply(command);
  }
  ProducerPtr known(std::string_view name) { return state.view()->find_producer(name); }

  ClusterState state;
  Version index = 100;
};

TEST_F(ClusterProducers, ANameKeepsItsIdAndEachInstanceGetsTheNextEpoch) {
  ASSERT_TRUE(hello("billing", 1));
  ASSERT_TRUE(hello("billing", 2));
  ASSERT_TRUE(hello("other", 3));
  EXPECT_EQ(known("billing")->id, ProducerId(101));
  EXPECT_EQ(known("billing")->epoch, 1u);
  EXPECT_EQ(known("billing")->instance, 2u);
  EXPECT_EQ(known("billing")->registered, 102u);
  EXPECT_EQ(known("other")->id, ProducerId(103));
  EXPECT_EQ(state.view()->find_producer(ProducerId(101)), known("billing"));
}

TEST_F(ClusterProducers, TheSameInstanceAgainChangesNothing) {
  ASSERT_TRUE(hello("billing", 1));
  ASSERT_TRUE(hello("billing", 1));
  EXPECT_EQ(known("billing")->epoch, 0u);
  EXPECT_EQ(known("billing")->registered, 101u);
}

TEST_F(ClusterProducers, BehindTheLastEpochComesAnotherId) {
  for (std::uint64_t instance = 1; instance <= kMaxProducerEpoch + 1u; ++instance) ASSERT_TRUE(hello("busy", instance));
  EXPECT_EQ(known("busy")->epoch, kMaxProducerEpoch);
  EXPECT_EQ(known("busy")->id, ProducerId(101));
  ASSERT_TRUE(hello("busy", 99'999));
  EXPECT_EQ(known("busy")->epoch, 0u);
  EXPECT_EQ(known("busy")->id, ProducerId(index));
  EXPECT_EQ(state.view()->find_producer(ProducerId(101)), nullptr);
}

TEST_F(ClusterProducers, OfTooManyTheOneRegisteredLongestAgoGoes) {
  for (std::size_t i = 0; i < limits::kMaxProducers; ++i) ASSERT_TRUE(hello("p" + std::to_string(i), 1));
  ASSERT_TRUE(hello("p0", 2));  // heard of again
  ASSERT_TRUE(hello("one more", 1));
  EXPECT_NE(known("p0"), nullptr);
  EXPECT_EQ(known("p1"), nullptr);
  EXPECT_EQ(state.view()->find_producer(ProducerId(102)), nullptr);
  EXPECT_NE(known("p2"), nullptr);
}

TEST_F(ClusterProducers, NonsenseIsRefused) {
  EXPECT_FALSE(hello("", 1));
  EXPECT_FALSE(hello("x", 0));
  EXPECT_FALSE(hello(std::string(limits::kMaxProducerNameBytes + 1, 'x'), 1));
}

TEST_F(ClusterProducers, AViewKeepsWhatItSaw) {
  ASSERT_TRUE(hello("billing", 1));
  const ViewPtr before = state.view();
  ASSERT_TRUE(hello("billing", 2));
  EXPECT_EQ(before->find_producer("billing")->epoch, 0u);
  EXPECT_EQ(known("billing")->epoch, 1u);
}

TEST_F(ClusterProducers, TheyAndTokensOutliveASnapshot) {
  Command node;
  node.mutable_upsert_node()->set_node_id(1);
  node.mutable_upsert_node()->set_disk_id(uuid_bytes(Uuid(1, 1)));
  node.mutable_upsert_node()->set_raft_id(1001);
  ASSERT_TRUE(apply(node));
  Command create;
  create.mutable_create_topic()->set_name("logs");
  ASSERT_TRUE(apply(create));
  Command fence;
  fence.mutable_fence_topic()->set_topic_id(index);
  fence.mutable_fence_topic()->set_token(7);
  ASSERT_TRUE(apply(fence));
  for (const std::uint64_t instance : {1u, 2u}) ASSERT_TRUE(hello("billing", instance));
  ASSERT_TRUE(hello("other", 3));

  ClusterState restored;
  ASSERT_TRUE(restored.restore(state.snapshot()));
  EXPECT_EQ(restored.snapshot(), state.snapshot());
  EXPECT_EQ(restored.view()->find_producer("billing")->epoch, 1u);
  EXPECT_EQ(restored.view()->find_topic("logs")->token, 7u);
  // Both go on alike.
  Command again;
  again.mutable_register_producer()->set_name("billing");
  again.mutable_register_producer()->set_instance(9);
  ASSERT_TRUE(apply(again));
  ASSERT_TRUE(restored.apply(index, again));
  EXPECT_EQ(restored.snapshot(), state.snapshot());
}

TEST_F(ClusterProducers, ATokenOfNoTopicIsRefused) {
  Command fence;
  fence.mutable_fence_topic()->set_topic_id(1);
  fence.mutable_fence_topic()->set_token(7);
  EXPECT_EQ(apply(fence).error().code, ErrorCode::kTopicNotFound);
}

TEST_F(ClusterProducers, ASnapshotWithAProducerTwiceIsRefused) {
  ASSERT_TRUE(hello("billing", 1));
  Snapshot snapshot;
  ASSERT_TRUE(snapshot.ParseFromString(state.snapshot()));
  *snapshot.add_producers() = snapshot.producers(0);
  ClusterState restored;
  EXPECT_EQ(restored.restore(snapshot.SerializeAsString()).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace walrus::metadata
