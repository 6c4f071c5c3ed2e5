// What the metadata of a topic cost over the number of its segments: a roll, a snapshot of the state, a restart from
// it.
#include <benchmark/benchmark.h>

#include <string>

#include "base/assert.h"
#include "metadata/cluster_state.h"
#include "metadata/uuid_bytes.h"

namespace {

using namespace walrus;
using namespace walrus::metadata;

constexpr std::uint64_t kNodes = 3;

/// One topic on three nodes, each segment with three holders.
class Topic {
 public:
  explicit Topic(std::int64_t segments) {
    for (std::uint64_t node = 1; node <= kNodes; ++node) {
      Command command;
      UpsertNode& upsert = *command.mutable_upsert_node();
      upsert.set_node_id(node);
      upsert.set_disk_id(uuid_bytes(Uuid(node, node)));
      upsert.set_raft_id(node);
      upsert.set_peer_address("node:7000");
      apply(command);
    }
    Command create;
    create.mutable_create_topic()->set_name("logs");
    create.mutable_create_topic()->set_replicas(kNodes);
    apply(create);
    for (std::int64_t i = 1; i < segments; ++i) roll();
  }

  /// As a leader that has filled its segment proposes it.
  void roll() {
    const TopicPtr topic = state_.view()->find_topic("logs");
    Command command;
    SealAndOpen& seal = *command.mutable_seal_and_open();
    seal.set_topic_id(topic->id.value());
    seal.set_segment_id(topic->last().id.value());
    seal.set_epoch(topic->last().epoch.value());
    seal.set_end(topic->last().base.value() + 1'000'000);
    seal.set_hash(0x9e3779b97f4a7c15 * index_);
    seal.set_bytes(120'000'000);
    seal.set_latest_ms(1'700'000'000'000);
    for (const NodeId replica : topic->last().replicas) seal.add_holders(replica.value());
    apply(command);
  }

  ClusterState& state() { return state_; }

 private:
  void apply(const Command& command) { WALRUS_ASSERT(state_.apply(++index_, command).has_value()); }

  ClusterState state_;
  Version index_ = 0;
};

/// Applied and shown, as on every node of the cluster.
void bm_roll(benchmark::State& state) {
  Topic topic(state.range(0));
  for (auto _ : state) {
    topic.roll();
    benchmark::DoNotOptimize(topic.state().view());
  }
}
BENCHMARK(bm_roll)->ArgName("segments")->RangeMultiplier(10)->Range(1, 100'000)->Iterations(100);

void bm_snapshot(benchmark::State& state) {
  Topic topic(state.range(0));
  std::size_t bytes = 0;
  for (auto _ : state) bytes = topic.state().snapshot().size();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(bm_snapshot)->ArgName("segments")->RangeMultiplier(10)->Range(1, 100'000);

void bm_restore(benchmark::State& state) {
  const std::string snapshot = Topic(state.range(0)).state().snapshot();
  for (auto _ : state) {
    ClusterState restored;
    WALRUS_ASSERT(restored.restore(snapshot).has_value());
    benchmark::DoNotOptimize(restored.view());
  }
}
BENCHMARK(bm_restore)->ArgName("segments")->RangeMultiplier(10)->Range(1, 100'000);

}  // namespace
