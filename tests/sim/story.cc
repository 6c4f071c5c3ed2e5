#include "tests/sim/story.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "metadata/uuid_bytes.h"

namespace walrus::sim {

using namespace std::chrono_literals;

namespace {
constexpr auto kPatience = 20s;
constexpr auto kWritableAgain = 10s;  // L1, once a quorum is up
constexpr auto kLookInterval = 20ms;
const std::string kTopic = "topic-0";
}  // namespace

Story::Story(std::uint64_t seed, std::size_t nodes, std::uint32_t replicas)
    : cluster_({.seed = seed, .nodes = nodes, .replication_factor = replicas}),
      workload_(cluster_, {.producers = 3, .readers = 2, .topics = 1, .patience = 1s}),
      invariants_(cluster_) {
  cluster_.network().set_observer([this](const io::SimSent& sent) { invariants_.on_sent(sent); });
}

void Story::fail(std::string why) {
  if (!wrong_.empty()) return;
  wrong_ = std::move(why);
  if (!topic()) return;
  const metadata::SegmentInfo segment = open();
  wrong_ += fmt::format("; segment {} of epoch {} is {}, led by {}, recoverer {}", segment.id, segment.epoch,
                        segment.state == metadata::SegmentState::kOpen ? "open" : "being sealed", segment.leader,
                        segment.recoverer);
  for (const NodeId id : segment.replicas) {
    SimNode* node = cluster_.node(id);
    const storage::Segment* replica = node != nullptr ? node->replica(*topic(), segment.id) : nullptr;
    if (node == nullptr) {
      wrong_ += fmt::format("; node {} is down", id);
    } else if (replica == nullptr) {
      wrong_ += fmt::format("; node {} has nothing", id);
    } else {
      wrong_ += fmt::format("; node {} has {} to {}, durable to {}, promised {}, {}", id, replica->base(),
                            replica->end(), replica->durable_end(), replica->promised(),
                            replica->status() ? "well" : replica->status().error().message());
    }
  }
}

bool Story::begin() {
  if (!cluster_.form()) {
    fail("the cluster did not form");
    return false;
  }
  invariants_.watch(kLookInterval);
  if (!workload_.prepare()) {
    fail("the topic could not be registered");
    return false;
  }
  workload_.start();
  until_acknowledged(20);
  return wrong_.empty();
}

void Story::end() {
  heal();
  for (const NodeId id : cluster_.ids()) {
    if (!cluster_.is_up(id)) {
      cluster_.restart(id);
    } else {
      cluster_.resume(id);
    }
  }
  until_writable("once everything is healed");
  workload_.stop();
  if (wrong_.empty() && !losses_expected_) wrong_ = workload_.check();
  if (wrong_.empty()) wrong_ = invariants_.violation();
  if (wrong_.empty() && invariants_.looks() < 50) wrong_ = "hardly anything was looked at";
}

metadata::TopicPtr Story::topic() const { return cluster_.newest_view()->find_topic(kTopic); }
std::vector<NodeId> Story::followers() const {
  const metadata::SegmentInfo segment = open();
  std::vector<NodeId> others = segment.replicas;
  std::erase(others, segment.leader);
  return others;
}

NodeId Story::bystander() const {
  const NodeId leads = leader();
  const auto raft = cluster_.raft_leader();
  for (const NodeId id : cluster_.up()) {
    if (id != leads && id != raft) return id;
  }
  return cluster_.up().front();
}

void Story::until(const std::function<bool()>& moment, std::string_view what) {
  if (!wrong_.empty()) return;
  if (!cluster_.world().run_until(moment, kPatience)) fail(fmt::format("waited in vain: {}", what));
}

void Story::until_acknowledged(std::uint64_t more) {
  const std::uint64_t goal = workload_.acknowledged() + more;
  until([&] { return workload_.acknowledged() >= goal; }, fmt::format("{} more records are acknowledged", more));
}

void Story::until_writable(std::string_view when) {
  if (!wrong_.empty()) return;
  const io::TimePoint from = cluster_.world().now();
  if (!cluster_.world().run_until([&] { return workload_.oldest_progress() > from; }, io::Duration(kWritableAgain))) {
    fail(fmt::format("L1: the topic is not writable {}", when));
  }
}

void Story::until_next_segment() {
  const SegmentId now = open().id;
  until([&] { return open().id > now; }, "the next segment opens");
}

void Story::kill(NodeId node) {
  if (cluster_.is_up(node)) cluster_.kill_process(node);
}
void Story::cut_power(NodeId node, io::CrashModel model) {
  if (cluster_.is_up(node)) cluster_.cut_power(node, model);
}
void Story::restart(NodeId node) {
  if (!cluster_.is_up(node)) cluster_.restart(node);
}

Status Story::carry_out(const metadata::Command& command, NodeId except) {
  std::optional<Result<metadata::Applied>> applied;
  for (const NodeId id : cluster_.up()) {
    if (id == except || applied) continue;
    cluster_.node(id)->metadata().client().propose(
        command, [&](Result<metadata::Applied> result) { applied = std::move(result); });
    cluster_.world().run_until([&] { return applied.has_value(); }, io::Duration(kPatience));
  }
  if (!applied) return walrus::fail(ErrorCode::kTimedOut, "nobody answers");
  return metadata::outcome_of(*applied);
}

void Story::remove(NodeId node) {
  metadata::Command command;
  command.mutable_set_node_state()->set_node_id(node.value());
  command.mutable_set_node_state()->set_disk_id(metadata::uuid_bytes(cluster_.disk_id(node)));
  command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(metadata::NodeState::kRemoved));
  command.mutable_set_node_state()->set_lose_data(true);
  const Status removed = carry_out(command, node);
  if (!removed) return fail("removing a node: " + removed.error().message());
  until([&] { return !cluster_.is_up(node); }, "the removed node ends");
  if (wrong_.empty()) cluster_.forget(node);
}

Epoch Story::promise_of(NodeId node, SegmentId segment) {
  SimNode* up = cluster_.node(node);
  const storage::Segment* replica = up != nullptr ? up->replica(*topic(), segment) : nullptr;
  return replica != nullptr ? replica->promised() : Epoch();
}

}  // namespace walrus::sim
