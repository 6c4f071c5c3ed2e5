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
}  // namespace

Story::Story(std::uint64_t seed, std::size_t nodes, std::uint32_t replicas)
    : cluster_({.seed = seed, .nodes = nodes, .replication_factor = replicas}),
      workload_(cluster_, {.producers = 3, .readers = 2, .topics = 1, .patience = 1s}),
      groups_(cluster_, kTopic, 1s),
      invariants_(cluster_) {
  cluster_.network().set_observer([this](const io::SimSent& sent) { invariants_.on_sent(sent); });
}

void Story::fail(std::string why) {
  if (!wrong_.empty()) return;
  wrong_ = std::move(why);
  if (!topic()) return;
  if (const std::string missing = cluster_.missing_copy(); !missing.empty()) wrong_ += "; " + missing;
  wrong_ += cluster_.open_segments();
}

bool Story::begin() {
  if (!cluster_.form()) {
    fail("the cluster did not form");
    return false;
  }
  invariants_.watch(workload_);
  if (!workload_.prepare()) {
    fail("the topic could not be registered");
    return false;
  }
  workload_.start(invariants_.events());
  groups_.start();
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
  if (wrong_.empty() && !losses_expected_) check_groups();
  if (wrong_.empty()) wrong_ = invariants_.violation();
  if (wrong_.empty() && invariants_.looks() < 50) wrong_ = "hardly anything was looked at";
}

void Story::check_groups() {
  const auto log = workload_.read_log(kTopic);
  if (!log) return fail(log.error().message());
  const bool finished = groups_.finish(log->size());
  wrong_ = groups_.check(*log);
  if (wrong_.empty() && !finished) wrong_ = "the groups have not read everything";
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

TopicId Story::fill_topic(const std::string& name, std::size_t records, NodeId except) {
  struct Answers : broker::AnswerSink {
    void answer(std::uint64_t, const broker::Answer& answer) override {
      ok += answer.kind == broker::Answer::Kind::kOk;
    }
    void flush() override {}
    std::size_t ok = 0;
    std::string payload;
  };
  std::vector<NodeId> others = cluster_.up();
  std::erase(others, except);
  broker::RequestSink& node = cluster_.node(others.front())->requests();
  const auto answers = std::make_shared<Answers>();
  answers->payload = std::to_string(records);
  node.submit({.verb = protocol::Verb::kRegister, .topic = name, .payload = {}}, answers, 0);
  node.flush();
  until([&] { return answers->ok == 1; }, "a topic is registered");
  for (std::size_t i = 0; i < records; ++i) {
    node.submit({.verb = protocol::Verb::kPut, .topic = name, .payload = answers->payload}, answers, i);
  }
  node.flush();
  until([&] { return answers->ok == 1 + records; }, "records of a topic are acknowledged");
  const metadata::TopicPtr made = cluster_.newest_view()->find_topic(name);
  return made ? made->id : TopicId();
}

void Story::delete_topic(TopicId topic, NodeId except) {
  metadata::Command command;
  command.mutable_delete_topic()->set_topic_id(topic.value());
  if (const Status deleted = carry_out(command, except); !deleted) fail("DELETE: " + deleted.error().message());
}

SegmentId Story::trim(NodeId except) {
  const metadata::TopicPtr now = topic();
  const metadata::SegmentInfo kept = *now->holding(Offset(groups_.done_before()));
  if (kept.id == now->segments.front().id) fail("nothing can be trimmed: the groups have read hardly anything");
  if (const Status known = workload_.expect_trim(kTopic, kept.base); !known) fail(known.error().message());
  metadata::Command command;
  command.mutable_trim_topic()->set_topic_id(now->id.value());
  command.mutable_trim_topic()->set_before(kept.base.value());
  if (const Status trimmed = carry_out(command, except); !trimmed) fail("TRIM: " + trimmed.error().message());
  return kept.id;
}

std::size_t Story::copies(NodeId node, const std::string& name, TopicId topic, SegmentId first_kept) {
  const auto keys = cluster_.node(node)->copies(name, topic);
  if (!keys) return 1;
  return static_cast<std::size_t>(
      std::ranges::count_if(*keys, [&](const auto& key) { return key.segment < first_kept; }));
}

Epoch Story::promise_of(NodeId node, SegmentId segment) {
  SimNode* up = cluster_.node(node);
  const storage::Segment* replica = up != nullptr ? up->replica(*topic(), segment) : nullptr;
  return replica != nullptr ? replica->promised() : Epoch();
}

}  // namespace walrus::sim
