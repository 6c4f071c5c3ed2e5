// Copies of sealed segments: made where they are missing, checked before they count, dropped where others have taken
// their place, and healed when they rot. Repair, scrubbers, brokers and a controller of five nodes over fakes.
#include "controller/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/controller.h"
#include "controller/scrubber.h"
#include "io/message.h"
#include "peer.pb.h"
#include "storage/record_batch.h"
#include "tests/unit/broker/broker_fixture.h"

namespace walrus::controller {
namespace {

using namespace std::chrono_literals;
using metadata::NodeState;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class RepairTest : public broker::BrokerTest {
 protected:
  struct Worker {
    Worker(broker::BrokerNode& node, io::Loop& loop, testing_fakes::FakeMetadata& cluster, NodeId id)
        : metadata(cluster, loop),
          repair({.loop = loop,
                  .transport = node.transport,
                  .metadata = metadata,
                  .store = node.store,
                  .replicas = node.broker.replicas(),
                  .owns = [](std::string_view) { return true; },
                  .on_left_over = [this](TopicId topic) { left_over.push_back(topic); }},
                 {.self = id, .grace = 30s}, counters),
          scrubber({.loop = loop,
                    .metadata = metadata,
                    .store = node.store,
                    .replicas = node.broker.replicas(),
                    .owns = [](std::string_view) { return true; },
                    .on_set_aside = [this](storage::SegmentKey key) { repair.note_damaged(key); }},
                   {.self = id, .interval = 1h}, counters) {}
    testing_fakes::FakeMetadataClient metadata;
    RepairCounters counters;
    std::vector<TopicId> left_over;
    Repair repair;
    Scrubber scrubber;
  };

  RepairTest()
      : BrokerTest(5),
        leader_view_(cluster_, loop_),
        controller_(loop_, node(1).transport, leader_view_, NodeId(1), [] { return NodeId(1); }, 30s) {
    for (std::uint64_t number = 1; number <= 5; ++number) {
      workers_.push_back(std::make_unique<Worker>(node(number), loop_, cluster_, NodeId(number)));
      alive_.insert(number);
    }
    controller_.start();
  }

  /// Topic "logs" has one sealed segment of eight records, a batch each; node 1 led it.
  void seal(std::uint32_t wanted, std::initializer_list<std::uint64_t> holders) {
    metadata::Command create;
    create.mutable_create_topic()->set_name("logs");
    create.mutable_create_topic()->set_replicas(wanted);
    ASSERT_TRUE(cluster_.apply(create).status);
    for (const std::uint64_t holder : holders) write(holder, 8);
    metadata::Command roll;
    auto& seal = *roll.mutable_seal_and_open();
    seal.set_topic_id(logs()->id.value());
    seal.set_epoch(logs()->last().epoch.value());
    seal.set_end(8);
    seal.set_hash(copy(*holders.begin())->hash());
    for (const std::uint64_t holder : holders) seal.add_holders(holder);
    ASSERT_TRUE(cluster_.apply(roll).status);
  }
  /// The node has the first `records` of them on its disk.
  void write(std::uint64_t at, int records, std::string_view content = "record ") {
    storage::Segment* own = *node(at).store.open_segment({logs()->id, SegmentId(0)}, Offset(0));
    for (int i = 0; i < records; ++i) {
      storage::BatchBuilder builder;
      builder.add(std::string(content) + std::to_string(i), 1);
      ASSERT_TRUE(own->append(SharedBytes(builder.finish(own->end()))));
    }
    node(at).store.sync();
  }
  testing_fakes::FakeSegment* copy(std::uint64_t at) { return segment(at, *logs(), 0); }
  metadata::TopicPtr logs() { return cluster_.view()->find_topic("logs"); }
  std::vector<std::uint64_t> holders() {
    std::vector<std::uint64_t> numbers;
    for (const NodeId holder : logs()->segments[0].replicas) numbers.push_back(holder.value());
    return numbers;
  }
  Worker& worker(std::size_t number) { return *workers_[number - 1]; }

  void start_repair() {
    for (auto& worker : workers_) worker->repair.start();
  }
  /// Time goes on, disks work, and the nodes that are alive say so.
  void run_for(io::Duration duration) {
    for (io::Duration done{}; done < duration; done += 50ms) {
      for (const std::uint64_t number : alive_) {
        controller_.handle(NodeId(number), io::make_message(peer::HEARTBEAT, peer::Heartbeat()));
      }
      world_.run_for(50ms);
      for (auto& each : nodes_) each->store.sync();
    }
  }
  void kill(std::uint64_t number) {
    alive_.erase(number);
    network_.cut(NodeId(number));
    worker(number).repair.stop();
  }
  void drain(std::uint64_t number) {
    metadata::Command command;
    command.mutable_set_draining()->set_node_id(number);
    command.mutable_set_draining()->set_disk_id(metadata::uuid_bytes(Uuid(number, number)));
    command.mutable_set_draining()->set_draining(true);
    ASSERT_TRUE(cluster_.apply(command).status);
  }
  /// The node is down for a moment and comes back with another disk, which is empty.
  void wipe(std::uint64_t number) {
    metadata::Command down;
    down.mutable_set_node_state()->set_node_id(number);
    down.mutable_set_node_state()->set_disk_id(metadata::uuid_bytes(Uuid(number, number)));
    down.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(NodeState::kDown));
    ASSERT_TRUE(cluster_.apply(down).status);
    metadata::Command back;
    auto& upsert = *back.mutable_upsert_node();
    upsert.set_node_id(number);
    upsert.set_disk_id(metadata::uuid_bytes(Uuid(99, number)));
    upsert.set_raft_id(9900 + number);
    ASSERT_TRUE(cluster_.apply(back).status);
    ASSERT_TRUE(node(number).store.remove({logs()->id, SegmentId(0)}));
  }

  testing_fakes::FakeMetadataClient leader_view_;
  Controller controller_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::set<std::uint64_t> alive_;
};

TEST_F(RepairTest, NothingIsLeftOverOfACopyThatIsListed) {
  seal(3, {1, 2});
  worker(3).repair.start();
  run_for(20s);
  EXPECT_THAT(holders(), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(worker(3).left_over, testing::IsEmpty());
}

TEST_F(RepairTest, ACopyThatWasListedAndGivenUpWithinOneViewIsLeftOver) {
  seal(3, {1, 2});
  worker(3).repair.start();
  worker(3).metadata.overtake_next([this] { worker(3).metadata.hold_back(true); });
  run_for(20s);
  EXPECT_THAT(holders(), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(worker(3).left_over, testing::Contains(logs()->id));
}

TEST_F(RepairTest, AReplicaThatWasLeftBehindIsCompletedAndListed) {
  seal(3, {1, 2});
  write(3, 3);
  start_repair();
  run_for(1s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3));
  EXPECT_EQ(copy(3)->end(), Offset(8));
  EXPECT_EQ(copy(3)->hash(), copy(1)->hash());
  EXPECT_TRUE(copy(3)->sealed());
  EXPECT_EQ(worker(3).counters.copies_made, 1u);
  EXPECT_EQ(worker(4).counters.copies_made, 0u) << "nobody else felt called";
}

TEST_F(RepairTest, WhatAReplicaHasBeyondTheEndIsCut) {
  seal(3, {1, 2});
  write(3, 12);
  start_repair();
  run_for(1s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3));
  EXPECT_EQ(copy(3)->end(), Offset(8));
  EXPECT_EQ(worker(3).counters.copied_bytes, 0u);
}

TEST_F(RepairTest, AReplicaWithOtherContentIsSetAsideAndMadeAnew) {
  seal(3, {1, 2});
  write(3, 8, "not it ");
  start_repair();
  run_for(1s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3));
  EXPECT_EQ(copy(3)->hash(), copy(1)->hash());
}

TEST_F(RepairTest, ACopyThatIsSetAsideWhileItIsMadeIsMadeAnew) {
  seal(3, {1, 2});
  start_repair();
  const auto fetched = [&] { return copy(3) != nullptr && copy(3)->end() == Offset(8); };
  for (int i = 0; i < 100 && !fetched(); ++i) {
    node(3).store.sync();
    world_.run_for(50ms);
  }
  ASSERT_TRUE(fetched());
  ASSERT_LT(copy(3)->durable_end(), Offset(8));
  node(3).broker.replicas().forget({logs()->id, SegmentId(0)});
  ASSERT_TRUE(node(3).store.set_aside({logs()->id, SegmentId(0)}, Offset(0)));
  run_for(1s);
  EXPECT_THAT(holders(), UnorderedElementsAre(1, 2, 3));
}

TEST_F(RepairTest, ADrainingNodesCopiesAreMadeElsewhereAndThenItHoldsNothing) {
  seal(3, {1, 2, 3});
  start_repair();
  run_for(1s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3)) << "nothing is missing";
  drain(3);
  run_for(2s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 4));
  EXPECT_EQ(copy(4)->hash(), copy(1)->hash());
}

TEST_F(RepairTest, ALoneCopyOnADrainingNodeMovesToo) {
  seal(1, {1});
  drain(1);
  start_repair();
  run_for(2s);
  EXPECT_THAT(holders(), ElementsAre(2));
}

TEST_F(RepairTest, ANodeThatIsDownIsWaitedForAWhile) {
  seal(3, {1, 2, 3});
  start_repair();
  kill(3);
  run_for(29s);
  EXPECT_EQ(cluster_.view()->find_node(NodeId(3))->state, NodeState::kDown);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3));
  run_for(5s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 4));
  network_.heal(NodeId(3));
  alive_.insert(3);
  run_for(40s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 4)) << "it comes back too late";
}

TEST_F(RepairTest, WithTooFewNodesNothingIsDropped) {
  seal(3, {1, 2, 3});
  start_repair();
  for (const std::uint64_t number : {2u, 3u, 4u, 5u}) kill(number);
  run_for(60s);
  EXPECT_THAT(holders(), testing::Contains(1));
  EXPECT_EQ(cluster_.view()->lost_segments(), 0u);
}

TEST_F(RepairTest, ASourceThatRotsIsLeftForAnother) {
  seal(3, {1, 2});
  copy(2)->rot(5);  // the one that node 3 asks first
  start_repair();
  run_for(1s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3));
  EXPECT_EQ(copy(3)->hash(), copy(1)->hash());
}

TEST_F(RepairTest, ASourceWithOtherContentIsFoundOutAtTheEnd) {
  seal(3, {1, 2});
  ASSERT_TRUE(node(2).store.remove({logs()->id, SegmentId(0)}));
  write(2, 8, "not it ");
  start_repair();
  run_for(2s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3));
  EXPECT_EQ(copy(3)->hash(), logs()->segments[0].hash);
}

TEST_F(RepairTest, WhenAllSourcesAreDamagedNothingIsCalledACopy) {
  seal(3, {1, 2});
  copy(1)->rot(0);
  copy(2)->rot(7);
  start_repair();
  run_for(20s);
  EXPECT_THAT(holders(), ElementsAre(1, 2));
  EXPECT_GE(worker(3).counters.copies_failed, 2u) << "it tries again, though";
}

TEST_F(RepairTest, TheNextInLineTakesOverFromOneThatCannot) {
  seal(3, {1, 2});
  write(3, 0);
  copy(3)->refuse_appends(fail(ErrorCode::kDiskFull));
  start_repair();
  run_for(50s);
  EXPECT_THAT(holders(), ElementsAre(1, 2));
  run_for(15s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 4));
}

TEST_F(RepairTest, LostHoldersAreReportedAndNothingIsInvented) {
  seal(2, {1, 2});
  wipe(1);
  wipe(2);
  EXPECT_TRUE(logs()->segments[0].lost());
  write(3, 5);  // part of it is not it
  start_repair();
  run_for(10s);
  EXPECT_THAT(holders(), ElementsAre());
  EXPECT_EQ(cluster_.view()->lost_segments(), 1u);
}

TEST_F(RepairTest, AReplicaThatTurnsOutToBeWholeSavesALostSegment) {
  seal(2, {1, 2});
  write(5, 8);  // it was durable there, but nobody had heard of it
  wipe(1);
  wipe(2);
  start_repair();
  run_for(10s);
  EXPECT_EQ(cluster_.view()->lost_segments(), 0u);
  EXPECT_THAT(holders(), testing::SizeIs(2)) << "and it is copied from there";
  EXPECT_THAT(holders(), testing::Contains(5));
}

TEST_F(RepairTest, ScrubbingFindsRotStrikesTheCopyOffAndItIsMadeAnew) {
  seal(3, {1, 2, 3});
  run_for(1s);
  for (auto& each : workers_) each->scrubber.start();
  run_for(2h);
  EXPECT_GE(worker(3).counters.scrubbed_segments, 1u);
  EXPECT_EQ(worker(3).counters.damage_found, 0u);

  copy(3)->rot(6);
  run_for(61min);
  EXPECT_EQ(worker(3).counters.damage_found, 1u);
  EXPECT_THAT(holders(), ElementsAre(1, 2));
  EXPECT_EQ(copy(3), nullptr) << "it was set aside";
  start_repair();
  run_for(1s);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3));
  EXPECT_EQ(worker(3).counters.healed, 1u);
}

TEST_F(RepairTest, ACopyWhoseFileFailedIsGivenUpAndMadeAnew) {
  seal(3, {1, 2, 3});
  for (auto& each : workers_) each->scrubber.start();
  start_repair();
  copy(3)->poison();
  run_for(15s);
  EXPECT_EQ(worker(3).counters.healed, 1u);
  EXPECT_THAT(holders(), ElementsAre(1, 2, 3));
  ASSERT_NE(copy(3), nullptr);
  EXPECT_TRUE(copy(3)->status());
}

TEST_F(RepairTest, TheOnlyCopyIsKeptEvenWhenItIsDamaged) {
  seal(1, {1});
  copy(1)->rot(6);
  worker(1).scrubber.suspect({logs()->id, SegmentId(0)});
  run_for(1s);
  EXPECT_EQ(worker(1).counters.damage_found, 1u);
  EXPECT_THAT(holders(), ElementsAre(1));
  ASSERT_NE(copy(1), nullptr);
  EXPECT_EQ(copy(1)->end(), Offset(8));
}

// Its content can be served all the same, and there is nothing to make it anew from: no alarm every ten seconds.
TEST_F(RepairTest, AnOnlyCopyWhoseFileFailedIsDamagedOnlyWhenItCannotBeRead) {
  seal(1, {1});
  worker(1).scrubber.start();
  copy(1)->poison();
  run_for(61min);
  EXPECT_GE(worker(1).counters.scrubbed_segments, 1u);
  EXPECT_LE(worker(1).counters.scrubbed_segments, 2u);
  EXPECT_EQ(worker(1).counters.damage_found, 0u);

  copy(1)->rot(6);
  run_for(61min);
  EXPECT_GE(worker(1).counters.damage_found, 1u);
  EXPECT_THAT(holders(), ElementsAre(1));
  EXPECT_NE(copy(1), nullptr);
}

}  // namespace
}  // namespace walrus::controller
