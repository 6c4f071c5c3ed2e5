// The end of a segment whose leader is lost, found among its replicas.

#include "replication/segment_recovery.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "io/sim/sim_loop.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/fake_transport.h"

namespace walrus::replication {
namespace {

using namespace std::chrono_literals;

constexpr storage::SegmentKey kKey{TopicId(7), SegmentId(0)};

class SegmentRecoveryTest : public testing::Test {
 protected:
  struct Node {
    Node(io::SimWorld& world, testing_fakes::FakeNetwork& network, std::uint64_t number)
        : id(number),
          loop(world.make_loop("node")),
          transport(network, id, loop),
          table(store, [](storage::SegmentKey, Epoch) {}) {
      transport.set_handler([this](NodeId, io::Message message, io::Reply reply) { table.handle(message, reply); });
    }
    NodeId id;
    io::SimLoop& loop;
    testing_fakes::FakeStore store;
    testing_fakes::FakeTransport transport;
    ReplicaTable table;
  };

  SegmentRecoveryTest() {
    for (std::uint64_t i = 1; i <= 3; ++i) nodes_.push_back(std::make_unique<Node>(world_, network_, i));
  }

  Node& node(std::size_t number) { return *nodes_[number - 1]; }
  testing_fakes::FakeSegment& segment(std::size_t number) { return *node(number).store.find(kKey); }
  /// Node `number` holds the first `records` records of the segment durably; a batch each.
  void hold(std::size_t number, int records) {
    storage::Segment* own = *node(number).store.open_segment(kKey, Offset(0));
    for (int i = 0; i < records; ++i) {
      storage::BatchBuilder builder;
      builder.add("record " + std::to_string(i), 1);
      ASSERT_TRUE(own->append(SharedBytes(builder.finish(own->end()))));
    }
    segment(number).sync();
  }
  std::shared_ptr<SegmentRecovery> recover(std::size_t at, Epoch seal_epoch,
                                           std::vector<NodeId> replicas = {NodeId(1), NodeId(2), NodeId(3)},
                                           std::vector<NodeId> gone = {}) {
    auto recovery = std::make_shared<SegmentRecovery>(
        node(at).loop, node(at).transport, node(at).table,
        RecoveryOptions{.key = kKey,
                        .base = Offset(0),
                        .seal_epoch = seal_epoch,
                        .replicas = std::move(replicas),
                        .self = node(at).id,
                        .gone = std::move(gone)},
        [this](Result<RecoveredEnd> result) { results_.push_back(std::move(result)); });
    recovery->start();
    return recovery;
  }
  void settle() {
    for (int round = 0; round < 20; ++round) {
      world_.run_ready();
      for (auto& each : nodes_) each->store.sync();
    }
    world_.run_ready();
  }

  io::SimWorld world_{20261121};
  testing_fakes::FakeNetwork network_;
  std::vector<Result<RecoveredEnd>> results_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(SegmentRecoveryTest, TheEndIsTheLargestDurableEndOfTheAnswers) {
  network_.cut(NodeId(1));
  hold(2, 3);
  hold(3, 8);
  const auto recovery = recover(2, Epoch(9));
  settle();
  ASSERT_EQ(results_.size(), 1u);
  ASSERT_TRUE(results_[0]) << results_[0].error().message();
  EXPECT_EQ(results_[0]->end, Offset(8));
  EXPECT_EQ(results_[0]->holders, (std::vector<NodeId>{NodeId(2), NodeId(3)}));
  EXPECT_EQ(segment(2).hash(), segment(3).hash());
  EXPECT_EQ(results_[0]->hash, segment(3).hash());
  EXPECT_EQ(segment(2).promised(), Epoch(9));
}

TEST_F(SegmentRecoveryTest, TheOthersAreBroughtToTheEndWhenTheRecovererHasMost) {
  network_.cut(NodeId(1));
  hold(2, 8);
  hold(3, 0);
  const auto recovery = recover(2, Epoch(9));
  settle();
  ASSERT_EQ(results_.size(), 1u);
  ASSERT_TRUE(results_[0]);
  EXPECT_EQ(segment(3).end(), Offset(8));
  EXPECT_EQ(segment(3).hash(), segment(2).hash());
}

TEST_F(SegmentRecoveryTest, OneAnswerOfThreeIsNotEnough) {
  network_.cut(NodeId(1));
  network_.cut(NodeId(3));
  hold(2, 8);
  const auto recovery = recover(2, Epoch(9));
  settle();
  world_.run_for(SegmentRecovery::kPatience - 1s);
  EXPECT_TRUE(results_.empty());
  network_.heal(NodeId(3));
  for (int round = 0; round < 10; ++round) {
    world_.run_for(90ms);
    settle();
  }
  ASSERT_EQ(results_.size(), 1u) << "and then it goes on by itself";
  EXPECT_TRUE(results_[0]);
}

TEST_F(SegmentRecoveryTest, AnAttemptWithoutEnoughAnswersEndsAfterItsPatience) {
  network_.cut(NodeId(1));
  network_.cut(NodeId(3));
  hold(2, 8);
  const auto recovery = recover(2, Epoch(9));
  settle();
  world_.run_for(SegmentRecovery::kPatience + 10ms);
  ASSERT_EQ(results_.size(), 1u);
  EXPECT_EQ(results_[0].error().code, ErrorCode::kTimedOut);
}

TEST_F(SegmentRecoveryTest, AReplicaWhoseDiskIsGoneForGoodIsNotWaitedFor) {
  network_.cut(NodeId(1));
  hold(2, 8);
  const auto recovery = recover(2, Epoch(9), {NodeId(1), NodeId(2)}, {NodeId(1)});
  settle();
  ASSERT_EQ(results_.size(), 1u) << "of two replicas each has all that was acknowledged";
  ASSERT_TRUE(results_[0]) << results_[0].error().message();
  EXPECT_EQ(results_[0]->end, Offset(8));
  EXPECT_EQ(results_[0]->holders, (std::vector<NodeId>{NodeId(2)}));
}

TEST_F(SegmentRecoveryTest, OfThreeReplicasTwoGoneAreTooMany) {
  hold(2, 8);
  const auto recovery = recover(2, Epoch(9), {NodeId(1), NodeId(2), NodeId(3)}, {NodeId(1), NodeId(3)});
  settle();
  world_.run_for(SegmentRecovery::kPatience + 10ms);
  ASSERT_EQ(results_.size(), 1u);
  EXPECT_FALSE(results_[0]) << "they may have acknowledged what this one never had";
}

TEST_F(SegmentRecoveryTest, AnEmptySegmentEndsWhereItBegins) {
  const auto recovery = recover(3, Epoch(9));
  settle();
  ASSERT_EQ(results_.size(), 1u);
  ASSERT_TRUE(results_[0]);
  EXPECT_EQ(results_[0]->end, Offset(0));
}

TEST_F(SegmentRecoveryTest, OfTwoRecoverersTheOneWithTheHigherFenceWins) {
  hold(1, 2);
  hold(2, 5);
  hold(3, 5);
  const auto first = recover(2, Epoch(9));
  const auto second = recover(3, Epoch(11));
  settle();
  world_.run_for(2s);
  settle();
  std::size_t ended = 0;
  for (const auto& result : results_) {
    if (result) {
      EXPECT_EQ(result->end, Offset(5)) << "both ends contain every acknowledged record";
      ++ended;
    } else {
      EXPECT_EQ(result.error().code, ErrorCode::kFenced);
    }
  }
  EXPECT_GE(ended, 1u);
}

TEST_F(SegmentRecoveryTest, AStoppedRecoverySaysNothing) {
  const auto recovery = recover(2, Epoch(9));
  recovery->stop();
  settle();
  EXPECT_TRUE(results_.empty());
}

}  // namespace
}  // namespace walrus::replication
