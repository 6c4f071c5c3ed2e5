// Files go when the metadata says that they are of no use, and only then.
#include "controller/disposal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/sim/sim_loop.h"
#include "io/sim/sim_network.h"
#include "tests/fakes/fake_metadata.h"
#include "tests/fakes/fake_store.h"

namespace walrus::controller {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class DisposalTest : public testing::Test {
 protected:
  DisposalTest() : loop_(world_.make_loop("node")), metadata_(cluster_, loop_) {
    for (std::uint64_t node = 1; node <= 2; ++node) cluster_.add_node(NodeId(node));
    create("logs");
  }
  void create(const std::string& name) {
    metadata::Command command;
    command.mutable_create_topic()->set_name(name);
    ASSERT_TRUE(cluster_.apply(command).status);
  }
  metadata::TopicPtr logs() { return cluster_.view()->find_topic("logs"); }
  /// Segments of ten records each, and a file of each here.
  void write_segments(std::uint64_t count) {
    const TopicId topic = logs()->id;
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_TRUE(store_.open_segment({topic, logs()->last().id}, logs()->last().base));
      metadata::Command roll;
      auto& seal = *roll.mutable_seal_and_open();
      seal.set_topic_id(topic.value());
      seal.set_segment_id(logs()->last().id.value());
      seal.set_epoch(logs()->last().epoch.value());
      seal.set_end(logs()->last().base.value() + 10);
      seal.add_holders(logs()->last().leader.value());
      ASSERT_TRUE(cluster_.apply(roll).status);
      metadata::Command hold;  // by this node, whoever led it: its copy is not one too many
      auto& holder = *hold.mutable_add_holder();
      holder.set_topic_id(topic.value());
      holder.set_segment_id(i);
      holder.set_node_id(1);
      holder.set_incarnation(cluster_.view()->find_node(NodeId(1))->incarnation);
      ASSERT_TRUE(cluster_.apply(hold).status);
    }
    ASSERT_TRUE(store_.open_segment({topic, logs()->last().id}, logs()->last().base));
  }
  void trim(std::uint64_t before) {
    metadata::Command command;
    command.mutable_trim_topic()->set_topic_id(logs()->id.value());
    command.mutable_trim_topic()->set_before(before);
    ASSERT_TRUE(cluster_.apply(command).status);
  }
  void remove(TopicId topic) {
    metadata::Command command;
    command.mutable_delete_topic()->set_topic_id(topic.value());
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
  std::vector<std::uint64_t> files(TopicId topic) {
    std::vector<std::uint64_t> numbers;
    for (const storage::SegmentKey& key : *store_.list(topic)) numbers.push_back(key.segment.value());
    return numbers;
  }
  std::vector<std::uint64_t> waiting_for(TopicId topic) {
    std::vector<std::uint64_t> nodes;
    const auto found = cluster_.view()->deleted_topics().find(topic);
    if (found == cluster_.view()->deleted_topics().end()) return nodes;
    for (const NodeId node : found->second.nodes) nodes.push_back(node.value());
    return nodes;
  }

  io::SimWorld world_{1};
  io::SimLoop& loop_;
  testing_fakes::FakeMetadata cluster_;
  testing_fakes::FakeMetadataClient metadata_;
  testing_fakes::FakeStore store_;
  replication::ReplicaTable replicas_{store_, [](storage::SegmentKey, Epoch) {}};
  std::vector<storage::SegmentKey> let_go_;
};

TEST_F(DisposalTest, WhatWasTrimmedGoesAndTheRestStays) {
  write_segments(3);
  const auto disposal = start();
  world_.run_for(1s);
  EXPECT_THAT(files(logs()->id), ElementsAre(0, 1, 2, 3));
  trim(20);
  world_.run_for(1s);
  EXPECT_THAT(files(logs()->id), ElementsAre(2, 3));
  EXPECT_EQ(let_go_.size(), 2u);
}

TEST_F(DisposalTest, ManySegmentsGoInManyRounds) {
  write_segments(100);
  const auto disposal = start();
  trim(1000);
  world_.run_for(2s);
  EXPECT_THAT(files(logs()->id), ElementsAre(100));
}

TEST_F(DisposalTest, WhatWasTrimmedWhileTheNodeWasDownGoesWhenItIsBack) {
  write_segments(3);
  trim(30);
  const auto disposal = start();
  world_.run_for(1s);
  EXPECT_THAT(files(logs()->id), ElementsAre(3));
}

TEST_F(DisposalTest, ADeletedTopicGoesAndTheNodeSaysSo) {
  write_segments(2);
  const TopicId id = logs()->id;
  const auto disposal = start();
  remove(id);
  EXPECT_THAT(waiting_for(id), ElementsAre(1, 2));
  world_.run_for(1s);
  EXPECT_THAT(files(id), IsEmpty());
  EXPECT_THAT(store_.removed_topics(), ElementsAre(id));
  EXPECT_THAT(waiting_for(id), ElementsAre(2));
}

TEST_F(DisposalTest, ATopicOfTheSameNameIsAnotherOne) {
  write_segments(1);
  const TopicId before = logs()->id;
  const auto disposal = start();
  remove(before);
  create("logs");
  write_segments(1);
  world_.run_for(1s);
  EXPECT_THAT(files(before), IsEmpty());
  EXPECT_THAT(files(logs()->id), ElementsAre(0, 1));
}

TEST_F(DisposalTest, AConfirmationThatIsLostIsGivenAgain) {
  write_segments(1);
  const TopicId id = logs()->id;
  const auto disposal = start();
  metadata_.fail_proposals(Error{ErrorCode::kUnavailable, {}});
  remove(id);
  world_.run_for(1s);
  EXPECT_THAT(waiting_for(id), ElementsAre(1, 2));
  metadata_.fail_proposals({});
  world_.run_for(10s);
  EXPECT_THAT(waiting_for(id), ElementsAre(2));
}

TEST_F(DisposalTest, FilesOfWhichTheMetadataSaysNothingStay) {
  const storage::SegmentKey stranger{TopicId(77), SegmentId(0)};
  ASSERT_TRUE(store_.open_segment(stranger, Offset(0)));
  write_segments(1);
  const auto disposal = start();
  trim(10);
  world_.run_for(10s);
  EXPECT_THAT(files(TopicId(77)), ElementsAre(0));
}

TEST_F(DisposalTest, TopicsOfOtherShardsAreLeftToThem) {
  write_segments(2);
  const TopicId id = logs()->id;
  const auto disposal = start(false);
  trim(10);
  remove(id);
  world_.run_for(10s);
  EXPECT_THAT(files(id), ElementsAre(0, 1, 2));
  EXPECT_THAT(waiting_for(id), ElementsAre(1, 2));
}

}  // namespace
}  // namespace walrus::controller
