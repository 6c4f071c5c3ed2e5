// Copies too many go when it was decided that they go, and only then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/disposal.h"
#include "io/sim/sim_loop.h"
#include "metadata/uuid_bytes.h"
#include "tests/fakes/fake_metadata.h"
#include "tests/fakes/fake_store.h"

namespace walrus::controller {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// Node 1 of three. Topics want two copies of a segment.
class DiscardsTest : public testing::Test {
 protected:
  DiscardsTest() : loop_(world_.make_loop("node")), metadata_(cluster_, loop_) {
    for (std::uint64_t node = 1; node <= 3; ++node) cluster_.add_node(NodeId(node));
    metadata::Command command;
    command.mutable_create_topic()->set_name("logs");
    command.mutable_create_topic()->set_replicas(2);
    EXPECT_TRUE(cluster_.apply(command).status);
  }
  metadata::TopicPtr logs() { return cluster_.view()->find_topic("logs"); }
  storage::SegmentKey key(std::uint64_t segment) { return {logs()->id, SegmentId(segment)}; }
  /// So many segments end, each with one of its replicas as its only holder; all of them have files here.
  void seal(std::uint64_t count, std::uint64_t holder) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const metadata::SegmentInfo last = logs()->last();
      ASSERT_TRUE(store_.open_segment({logs()->id, last.id}, last.base));
      metadata::Command command;
      auto& seal = *command.mutable_seal_and_open();
      seal.set_topic_id(logs()->id.value());
      seal.set_segment_id(last.id.value());
      seal.set_epoch(last.epoch.value());
      seal.set_end(last.base.value() + 10);
      seal.add_holders(last.has_replica(NodeId(holder)) ? holder : last.leader.value());
      ASSERT_TRUE(cluster_.apply(command).status);
    }
  }
  void change_holder(bool add, std::uint64_t segment, std::uint64_t node) {
    metadata::Command command;
    const auto address = [&](auto& change) {
      change.set_topic_id(logs()->id.value());
      change.set_segment_id(segment);
      change.set_node_id(node);
      change.set_incarnation(cluster_.view()->find_node(NodeId(node))->incarnation);
    };
    if (add) {
      address(*command.mutable_add_holder());
    } else {
      address(*command.mutable_drop_holder());
    }
    ASSERT_TRUE(cluster_.apply(command).status);
  }
  /// Every sealed segment is held by these, and nobody else.
  void hold_on(std::initializer_list<std::uint64_t> nodes) {
    for (const metadata::SegmentInfo& segment : logs()->segments) {
      if (!segment.sealed()) continue;
      for (const std::uint64_t node : nodes) change_holder(true, segment.id.value(), node);
      for (const NodeId node : segment.replicas) {
        if (std::ranges::find(nodes, node.value()) == nodes.end()) {
          change_holder(false, segment.id.value(), node.value());
        }
      }
    }
  }
  void set_down(std::uint64_t node) {
    metadata::Command command;
    command.mutable_set_node_state()->set_node_id(node);
    command.mutable_set_node_state()->set_disk_id(
        metadata::uuid_bytes(cluster_.view()->find_node(NodeId(node))->disk_id));
    command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(metadata::NodeState::kDown));
    ASSERT_TRUE(cluster_.apply(command).status);
  }
  std::unique_ptr<Disposal> start(bool owns = true) {
    auto disposal = std::make_unique<Disposal>(
        Disposal::Shard{.loop = loop_,
                        .metadata = metadata_,
                        .store = store_,
                        .replicas = replicas_,
                        .owns = [owns](std::string_view) { return owns; },
                        .let_go = [this](storage::SegmentKey key) { let_go_.push_back(key); }},
        NodeId(1));
    disposal->start();
    return disposal;
  }
  std::vector<std::uint64_t> files() {
    std::vector<std::uint64_t> numbers;
    for (const storage::SegmentKey& each : *store_.list(logs()->id)) numbers.push_back(each.segment.value());
    return numbers;
  }
  std::size_t discards() {
    std::size_t count = 0;
    for (const metadata::SegmentInfo& segment : logs()->segments) count += segment.discards.size();
    return count;
  }

  io::SimWorld world_{1};
  io::SimLoop& loop_;
  testing_fakes::FakeMetadata cluster_;
  testing_fakes::FakeMetadataClient metadata_;
  testing_fakes::FakeStore store_;
  replication::ReplicaTable replicas_{store_, [](storage::SegmentKey, Epoch) {}};
  std::vector<storage::SegmentKey> let_go_;
};

TEST_F(DiscardsTest, ACopyThatOthersHaveTakenThePlaceOfGoes) {
  const auto disposal = start();
  seal(2, 1);
  change_holder(true, 0, 2);
  change_holder(true, 0, 3);
  world_.run_for(10s);
  EXPECT_THAT(files(), ElementsAre(0, 1)) << "a holder keeps what it has";
  change_holder(false, 0, 1);
  world_.run_for(10s);
  EXPECT_THAT(files(), ElementsAre(1));
  EXPECT_THAT(let_go_, ElementsAre(key(0)));
  EXPECT_EQ(discards(), 0u) << "it has said so";
}

TEST_F(DiscardsTest, WhatWasDecidedWhileTheNodeWasDownIsFoundWhenItIsBack) {
  seal(40, 1);
  hold_on({2, 3});
  const auto disposal = start();
  world_.run_for(10s);
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_EQ(discards(), 0u);
}

TEST_F(DiscardsTest, ACopyStaysWhileTooFewOthersAreUp) {
  seal(1, 1);
  hold_on({2, 3});
  set_down(3);
  const auto disposal = start();
  world_.run_for(60s);
  EXPECT_THAT(files(), ElementsAre(0));
  EXPECT_EQ(discards(), 0u);
}

TEST_F(DiscardsTest, AConfirmationThatIsLostIsGivenAgain) {
  seal(1, 1);
  hold_on({2, 3});
  metadata::Command command;
  command.mutable_discard_copy()->set_topic_id(logs()->id.value());
  command.mutable_discard_copy()->set_node_id(1);
  command.mutable_discard_copy()->set_incarnation(cluster_.view()->find_node(NodeId(1))->incarnation);
  ASSERT_TRUE(cluster_.apply(command).status);
  metadata_.fail_proposals(Error{ErrorCode::kUnavailable, {}});
  const auto disposal = start();
  world_.run_for(1s);
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_EQ(discards(), 1u);
  metadata_.fail_proposals({});
  world_.run_for(10s);
  EXPECT_EQ(discards(), 0u);
}

TEST_F(DiscardsTest, WhatAnUnfinishedCopyHasLeftGoes) {
  seal(1, 1);
  hold_on({2, 3});
  const auto disposal = start();
  world_.run_for(10s);
  ASSERT_THAT(files(), IsEmpty());
  ASSERT_TRUE(store_.open_segment(key(0), Offset(0)));
  world_.run_for(10s);
  EXPECT_THAT(files(), ElementsAre(0)) << "nobody has said so";
  disposal->look_at(logs()->id);
  world_.run_for(10s);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(DiscardsTest, TopicsOfOtherShardsAreLeftToThem) {
  seal(1, 1);
  hold_on({2, 3});
  const auto disposal = start(false);
  world_.run_for(10s);
  EXPECT_THAT(files(), ElementsAre(0));
}

}  // namespace
}  // namespace walrus::controller
