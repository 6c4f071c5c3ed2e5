#include "tests/sim/chaos.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "tests/sim/group_clients.h"
#include "tests/sim/workload.h"

namespace walrus::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto kHealTime = 30s;

class Chaos {
 public:
  explicit Chaos(const ChaosOptions& options)
      : options_(options),
        cluster_({.seed = options.seed, .nodes = options.nodes}),
        workload_(cluster_, {}),
        groups_(cluster_, "topic-0") {}

  ChaosReport run() {
    std::string wrong;
    if (!cluster_.form()) {
      wrong = "the cluster did not form";
    } else if (!workload_.prepare()) {
      wrong = "the topics could not be registered";
    } else {
      workload_.start();
      groups_.start();
      inject_faults();
      wrong = heal_and_check();
    }
    return report(std::move(wrong));
  }

 private:
  io::Random& random() { return cluster_.world().random(); }
  NodeId random_node() {
    const auto ids = cluster_.ids();
    return ids[random().below(ids.size())];
  }

  void inject_faults() {
    const io::TimePoint end = cluster_.world().now() + options_.duration;
    while (cluster_.world().now() < end) {
      cluster_.world().run_for(random().between(io::Duration(100ms), io::Duration(2s)));
      one_fault();
    }
  }

  void one_fault() {
    ++faults_;
    const NodeId node = random_node();
    const std::uint64_t kind = random().below(7);
    say(kind, node);
    switch (kind) {
      case 0:
        if (cluster_.is_up(node)) cluster_.kill_process(node);
        break;
      case 1:
        if (cluster_.is_up(node)) {
          const auto& models = io::kAllCrashModels;
          cluster_.cut_power(node, models[random().below(std::size(models))]);
        }
        break;
      case 2:
        cluster_.network().isolate(node);
        break;
      case 3:
        cluster_.network().cut(node, random_node());
        break;
      case 4:
        cluster_.network().heal_all();
        break;
      case 5:
        cluster_.network().break_connections(node, random_node());
        break;
      default:
        restart_one();
        break;
    }
    // Most of the time most nodes are up; else nothing is learnt.
    if (cluster_.up().size() * 2 <= options_.nodes) restart_one();
  }

  void restart_one() {
    for (const NodeId id : cluster_.ids()) {
      if (!cluster_.is_up(id)) return cluster_.restart(id);
    }
  }

  std::string heal_and_check() {
    cluster_.network().heal_all();
    for (const NodeId id : cluster_.ids()) {
      if (!cluster_.is_up(id)) cluster_.restart(id);
    }
    const io::TimePoint healed = cluster_.world().now();
    const bool alive =
        cluster_.world().run_until([&] { return workload_.oldest_progress() > healed; }, io::Duration(kHealTime));
    workload_.stop();
    if (!alive) return "L1: a topic is not writable again";
    return check_groups();
  }

  std::string check_groups() {
    const auto log = workload_.read_log("topic-0");
    if (!log) return log.error().message();
    const bool finished = groups_.finish(log->size());
    if (std::string wrong = groups_.check(*log); !wrong.empty()) return wrong;
    if (!finished) return "the groups have not read everything";
    return workload_.check();
  }

  void say(std::uint64_t kind, NodeId node) {
    static constexpr const char* kNames[] = {
        "kill", "power cut", "isolate", "one-way cut from", "heal all", "reset connections of", "restart one (not)"};
    if (!options_.verbose) return;
    fmt::print("{:8.3f}s {} {}\n", std::chrono::duration<double>(cluster_.world().now().time_since_epoch()).count(),
               kNames[kind], node);
  }

  ChaosReport report(std::string wrong) {
    return {.wrong = std::move(wrong),
            .acknowledged = workload_.acknowledged(),
            .unknown = workload_.unknown(),
            .refused = workload_.refused(),
            .delivered = workload_.delivered(),
            .faults = faults_,
            .tasks = cluster_.world().tasks_run(),
            .fingerprint = cluster_.world().fingerprint(),
            .virtual_time = cluster_.world().now().time_since_epoch()};
  }

  const ChaosOptions options_;
  SimCluster cluster_;
  Workload workload_;
  GroupClients groups_;
  std::uint64_t faults_ = 0;
};

}  // namespace

ChaosReport run_chaos(const ChaosOptions& options) { return Chaos(options).run(); }

}  // namespace walrus::sim
