// A cluster state of five nodes with one topic, and the commands about its segments.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "metadata/cluster_state.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {

inline std::vector<NodeId> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<NodeId> result;
  for (const std::uint64_t number : numbers) result.emplace_back(number);
  return result;
}

class SegmentsFixture : public testing::Test {
 protected:
  SegmentsFixture() {
    for (std::uint64_t node = 1; node <= 5; ++node) {
      Command command;
      auto& upsert = *command.mutable_upsert_node();
      upsert.set_node_id(node);
      upsert.set_disk_id(uuid_bytes(Uuid(node, node)));
      upsert.set_raft_id(100 + node);
      EXPECT_TRUE(apply(command));
    }
  }

  Status apply(const Command& command) {
    Status status = state_.apply(++index_, command);
    EXPECT_EQ(state_.broken_invariant(), "");
    return status;
  }
  void set_state(std::uint64_t node, NodeState state) {
    Command command;
    command.mutable_set_node_state()->set_node_id(node);
    command.mutable_set_node_state()->set_disk_id(uuid_bytes(Uuid(node, node)));
    command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(state));
    ASSERT_TRUE(apply(command));
  }
  void drain(std::uint64_t node) {
    Command command;
    command.mutable_set_draining()->set_node_id(node);
    command.mutable_set_draining()->set_disk_id(uuid_bytes(Uuid(node, node)));
    command.mutable_set_draining()->set_draining(true);
    ASSERT_TRUE(apply(command));
  }
  Status remove(std::uint64_t node, bool lose_data = false) {
    Command command;
    command.mutable_set_node_state()->set_node_id(node);
    command.mutable_set_node_state()->set_disk_id(uuid_bytes(Uuid(node, node)));
    command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(NodeState::kRemoved));
    command.mutable_set_node_state()->set_lose_data(lose_data);
    return apply(command);
  }
  /// The node's disk was lost, and it comes back with an empty one.
  void wipe(std::uint64_t node) {
    set_state(node, NodeState::kDown);
    Command command;
    auto& upsert = *command.mutable_upsert_node();
    upsert.set_node_id(node);
    upsert.set_disk_id(uuid_bytes(Uuid(node, 1000)));
    upsert.set_raft_id(1000 + node);
    ASSERT_TRUE(apply(command));
  }
  std::uint64_t incarnation(std::uint64_t node) { return state_.view()->find_node(NodeId(node))->incarnation; }
  TopicPtr create(std::uint32_t replicas) {
    Command command;
    command.mutable_create_topic()->set_name("logs");
    command.mutable_create_topic()->set_replicas(replicas);
    EXPECT_TRUE(apply(command));
    return topic();
  }
  TopicPtr topic() { return state_.view()->find_topic("logs"); }
  Status begin_seal(Epoch epoch, std::uint64_t recoverer, Epoch expected = Epoch()) {
    Command command;
    auto& begin = *command.mutable_begin_seal();
    begin.set_topic_id(topic()->id.value());
    begin.set_segment_id(topic()->last().id.value());
    begin.set_epoch(epoch.value());
    begin.set_expected_seal_epoch(expected.value());
    begin.set_recoverer(recoverer);
    return apply(command);
  }
  Status complete(Epoch seal_epoch, std::uint64_t end, std::initializer_list<std::uint64_t> holders) {
    Command command;
    auto& complete = *command.mutable_complete_seal_and_open();
    complete.set_topic_id(topic()->id.value());
    complete.set_segment_id(topic()->last().id.value());
    complete.set_seal_epoch(seal_epoch.value());
    complete.set_end(end);
    complete.set_hash(77);
    for (const std::uint64_t holder : holders) complete.add_holders(holder);
    return apply(command);
  }
  Status roll(std::uint64_t end, std::initializer_list<std::uint64_t> holders,
              std::initializer_list<std::uint64_t> avoid) {
    Command command;
    auto& seal = *command.mutable_seal_and_open();
    seal.set_topic_id(topic()->id.value());
    seal.set_segment_id(topic()->last().id.value());
    seal.set_epoch(topic()->last().epoch.value());
    seal.set_end(end);
    for (const std::uint64_t holder : holders) seal.add_holders(holder);
    for (const std::uint64_t node : avoid) seal.add_avoid(node);
    return apply(command);
  }
  Status change_holder(bool add, std::uint64_t segment, std::uint64_t node, std::uint64_t hash = 77,
                       Version version = 0) {
    Command command;
    if (add) {
      command.mutable_add_holder()->set_topic_id(topic()->id.value());
      command.mutable_add_holder()->set_segment_id(segment);
      command.mutable_add_holder()->set_node_id(node);
      command.mutable_add_holder()->set_hash(hash);
      command.mutable_add_holder()->set_incarnation(incarnation(node));
      command.mutable_add_holder()->set_version(version);
    } else {
      command.mutable_drop_holder()->set_topic_id(topic()->id.value());
      command.mutable_drop_holder()->set_segment_id(segment);
      command.mutable_drop_holder()->set_node_id(node);
      command.mutable_drop_holder()->set_incarnation(incarnation(node));
    }
    return apply(command);
  }

  Status discard(std::uint64_t node) {
    Command command;
    command.mutable_discard_copy()->set_topic_id(topic()->id.value());
    command.mutable_discard_copy()->set_node_id(node);
    command.mutable_discard_copy()->set_incarnation(incarnation(node));
    return apply(command);
  }
  Status confirm_discard(std::uint64_t node, Version version) {
    Command command;
    command.mutable_confirm_discard()->set_topic_id(topic()->id.value());
    command.mutable_confirm_discard()->set_node_id(node);
    command.mutable_confirm_discard()->set_incarnation(incarnation(node));
    command.mutable_confirm_discard()->set_version(version);
    return apply(command);
  }

  ClusterState state_;
  Version index_ = 0;
};

}  // namespace walrus::metadata
