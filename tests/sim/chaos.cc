#include "tests/sim/chaos.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <functional>

#include "peer.pb.h"
#include "tests/sim/group_clients.h"
#include "tests/sim/invariants.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/workload.h"

namespace walrus::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto kWritableAgain = 10s;  // L1, from the moment when everything is healed
constexpr auto kWholeAgain = 180s;    // a node was lost for so long at most; then all copies are there
constexpr auto kSpaceIsBack = 30s;    // copies too many are gone
constexpr auto kAskInterval = 200ms;
constexpr double kLateShare = 0.3;  // of the sides of broken connections
constexpr auto kLatest = 3s;
constexpr double kReplayed = 0.02;  // of the messages
constexpr auto kScrubbed = 25s;     // all nodes have read everything since

/// Those that do a client's will are carried out each time that they come, and rest on a connection that brings nothing
/// twice (io/transport.h). What replicas, members of Raft and readers say to each other bears it.
bool bears_replay(const io::Message& message) {
  return message.type != peer::APPEND && message.type != peer::TAKE && message.type != peer::GROUP;
}

class Chaos {
 public:
  explicit Chaos(const ChaosOptions& options)
      : options_(options),
        cluster_({.seed = options.seed, .nodes = nodes_of(options)}),
        workload_(cluster_, {}),
        groups_(cluster_, "topic-0"),
        invariants_(cluster_) {
    cluster_.network().set_observer([this](const io::SimSent& sent) { on_sent(sent); });
  }

  ChaosReport run() {
    std::string wrong;
    if (!cluster_.form()) {
      wrong = "the cluster did not form";
    } else if (!workload_.prepare()) {
      wrong = "the topics could not be registered";
    } else {
      invariants_.watch(workload_);
      workload_.start(invariants_.events());
      groups_.start();
      cluster_.network().set_late(kLateShare, io::Duration(kLatest));
      cluster_.network().set_replays(kReplayed, io::Duration(kLatest), bears_replay);
      nemesis_.emplace(cluster_, faults_of(options_), [this](const std::string& fault) { tell(fault); });
      nemesis_->run_for(options_.duration);
      nemesis_->heal();
      wrong = check();
    }
    return report(std::move(wrong));
  }

 private:
  std::string check() {
    const io::TimePoint healed = cluster_.world().now();
    const bool alive =
        cluster_.world().run_until([&] { return workload_.oldest_progress() > healed; }, io::Duration(kWritableAgain));
    workload_.stop();
    if (!invariants_.violation().empty()) return invariants_.violation();
    if (!alive) return "L1: a topic is not writable again" + cluster_.open_segments();
    if (nemesis_->rotted()) cluster_.world().run_for(io::Duration(kScrubbed));
    if (nemesis_->rotted() || nemesis_->wiped()) {
      const std::string missing = what_is_left([this] { return cluster_.missing_copy(); }, io::Duration(kWholeAgain));
      if (!missing.empty()) return "L1: copies are still missing: " + missing;
    }
    const std::string uncut = what_is_left([this] { return cluster_.uncut_copy(); }, io::Duration(kScrubbed));
    if (!uncut.empty()) return "I8: " + uncut;
    const std::string surplus = what_is_left([this] { return cluster_.surplus_copy(); }, io::Duration(kSpaceIsBack));
    if (!surplus.empty()) return "L2: " + surplus;
    std::string wrong = check_groups();
    if (wrong.empty()) wrong = workload_.check();
    return wrong.empty() ? invariants_.violation() : wrong;
  }

  /// Asks now and then until the answer is empty, for so long at most.
  std::string what_is_left(const std::function<std::string()>& ask, io::Duration limit) {
    for (io::Duration spent{}; spent < limit; spent += io::Duration(kAskInterval)) {
      if (ask().empty()) return {};
      cluster_.world().run_for(io::Duration(kAskInterval));
    }
    return ask();
  }

  std::string check_groups() {
    const auto log = workload_.read_log("topic-0");
    if (!log) return log.error().message();
    const bool finished = groups_.finish(log->size());
    if (std::string wrong = groups_.check(*log); !wrong.empty()) return wrong;
    return finished ? "" : "the groups have not read everything";
  }

  void on_sent(const io::SimSent& sent) {
    invariants_.on_sent(sent);
    if (nemesis_) nemesis_->on_sent(sent);
    if (options_.trace == nullptr) return;
    const io::Message* content = sent.frame.content ? &*sent.frame.content : nullptr;
    fmt::format_to(std::back_inserter(*options_.trace), "{} {} {}->{} call {} type {} bytes {}\n",
                   cluster_.world().now().time_since_epoch().count(), sent.connection, sent.from, sent.to,
                   sent.frame.call_id, content != nullptr ? content->type : 0, sent.frame.size());
  }

  void tell(const std::string& fault) {
    if (options_.verbose) {
      fmt::print("{:8.3f}s: {}\n", std::chrono::duration<double>(cluster_.world().now().time_since_epoch()).count(),
                 fault);
    }
    if (options_.trace != nullptr) *options_.trace += fault + "\n";
  }

  ChaosReport report(std::string wrong) {
    std::uint64_t healed = 0;
    for (const NodeId id : cluster_.up()) healed += cluster_.node(id)->repair_counters().healed;
    return {.wrong = std::move(wrong),
            .acknowledged = workload_.acknowledged(),
            .unknown = workload_.unknown(),
            .refused = workload_.refused(),
            .delivered = workload_.delivered(),
            .faults = nemesis_ ? nemesis_->done() : 0,
            .healed = healed,
            .tasks = cluster_.world().tasks_run(),
            .fingerprint = cluster_.world().fingerprint(),
            .virtual_time = cluster_.world().now().time_since_epoch()};
  }

  const ChaosOptions options_;
  SimCluster cluster_;
  Workload workload_;
  GroupClients groups_;
  Invariants invariants_;
  std::optional<Nemesis> nemesis_;
};

}  // namespace

std::size_t nodes_of(const ChaosOptions& options) {
  static constexpr std::array<std::size_t, 8> kSizes = {3, 3, 5, 3, 4, 5, 3, 7};
  return options.nodes != 0 ? options.nodes : kSizes[options.seed % kSizes.size()];
}

std::vector<Fault> faults_of(const ChaosOptions& options) {
  return options.faults ? *options.faults : draw_faults(options.seed, nodes_of(options), options.duration);
}

ChaosReport run_chaos(const ChaosOptions& options) { return Chaos(options).run(); }

}  // namespace walrus::sim
