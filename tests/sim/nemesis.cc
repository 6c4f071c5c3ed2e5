#include "tests/sim/nemesis.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "io/random.h"

namespace walrus::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto kRestartRetry = 200ms;
constexpr auto kWipeRetry = 100ms;
constexpr io::Duration kUsualDelay[] = {100us, 2ms};
constexpr io::Duration kCloggedDelay[] = {50ms, 500ms};
constexpr io::Duration kUsualLatency[] = {50us, 500us};
constexpr io::Duration kSlowLatency[] = {5ms, 60ms};
constexpr double kLoss = 0.02;

}  // namespace

Nemesis::Nemesis(SimCluster& cluster, const std::vector<Fault>& faults, std::function<void(const std::string&)> tell)
    : cluster_(cluster), tell_(std::move(tell)) {
  for (const Fault& fault : faults) later(fault.at, [this, fault] { begin(fault); });
}

void Nemesis::later(io::Duration delay, std::function<void()> action) {
  due_.emplace(cluster_.world().now() + delay, std::move(action));
}

void Nemesis::run_for(io::Duration duration) {
  const io::TimePoint end = cluster_.world().now() + duration;
  while (true) {
    const io::TimePoint next = due_.empty() ? end : std::min(end, due_.begin()->first);
    const io::Duration left = std::max(io::Duration(0), next - cluster_.world().now());
    if (cluster_.world().run_until([this] { return !sprung_.empty(); }, left)) {
      for (const Sprung& sprung : std::exchange(sprung_, {})) {
        ++done_;
        harm_node(sprung.armed.ambush.harm, sprung.victim, sprung.armed.fault);
      }
      continue;
    }
    if (due_.empty() || due_.begin()->first > end) return;
    const auto action = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    action();
  }
}

void Nemesis::on_sent(const io::SimSent& sent) {
  if (!sent.frame.content) return;
  for (auto armed = armed_.begin(); armed != armed_.end(); ++armed) {
    if (armed->ambush.message != sent.frame.content->type) continue;
    sprung_.push_back({*armed, armed->ambush.at_sender ? sent.from : sent.to});
    armed_.erase(armed);
    return;
  }
}

void Nemesis::begin(const Fault& fault) {
  tell_(describe(fault));
  switch (fault.kind) {
    case FaultKind::kAtMessage:
      armed_.push_back({fault, ambush_of(fault)});
      return;
    case FaultKind::kCutOneWay:
    case FaultKind::kCutPair:
    case FaultKind::kReset:
    case FaultKind::kClog:
    case FaultKind::kLossy:
      harm_link(fault);
      break;
    case FaultKind::kSlowDisk:
    case FaultKind::kFullDisk:
    case FaultKind::kFailedWrite:
    case FaultKind::kRot:
    case FaultKind::kWipe:
      harm_disk(fault);
      break;
    case FaultKind::kPowerCutAll:
      for (const NodeId node : cluster_.ids()) harm_node(FaultKind::kPowerCut, node, fault);
      break;
    default:
      harm_node(fault.kind, fault.node, fault);
      break;
  }
  ++done_;
}

void Nemesis::harm_node(FaultKind kind, NodeId node, const Fault& fault) {
  if (!cluster_.is_up(node)) return;
  io::SimLoop& loop = cluster_.node(node)->loop();
  switch (kind) {
    case FaultKind::kKill:
      cluster_.kill_process(node);
      return later(fault.lasts, [this, node] { start_again(node); });
    case FaultKind::kPowerCut:
      power_cut(node, fault.choice);
      return later(fault.lasts, [this, node] { start_again(node); });
    case FaultKind::kPause:
      cluster_.pause(node);
      return later(fault.lasts, [this, node] { cluster_.resume(node); });
    case FaultKind::kClockJump:
      return loop.set_clock_offset(loop.clock_offset() + fault.lasts);
    default:
      return isolate(node, fault.lasts);
  }
}

void Nemesis::power_cut(NodeId node, std::uint64_t choice) {
  const auto& models = io::kAllCrashModels;
  cluster_.cut_power(node, models[choice % std::size(models)]);
}

void Nemesis::start_again(NodeId node) {
  if (cluster_.is_up(node)) return;
  if (!cluster_.try_restart(node)) later(kRestartRetry, [this, node] { start_again(node); });
}

void Nemesis::isolate(NodeId node, io::Duration lasts) {
  for (const NodeId other : cluster_.ids()) {
    if (other == node) continue;
    cut(node, other, lasts);
    cut(other, node, lasts);
  }
}

void Nemesis::cut(NodeId from, NodeId to, io::Duration lasts) {
  cluster_.network().cut(from, to);
  later(lasts, [this, from, to] { cluster_.network().heal(from, to); });
}

void Nemesis::harm_link(const Fault& fault) {
  io::SimNetwork& network = cluster_.network();
  const auto both_ways = [a = fault.node, b = fault.other](const auto& what) {
    what(a, b);
    what(b, a);
  };
  switch (fault.kind) {
    case FaultKind::kCutOneWay:
      return cut(fault.node, fault.other, fault.lasts);
    case FaultKind::kCutPair:
      return both_ways([&](NodeId from, NodeId to) { cut(from, to, fault.lasts); });
    case FaultKind::kReset:
      return network.break_connections(fault.node, fault.other);
    case FaultKind::kClog:
      return both_ways([&](NodeId from, NodeId to) {
        network.set_delays(from, to, kCloggedDelay[0], kCloggedDelay[1]);
        later(fault.lasts, [&network, from, to] { network.set_delays(from, to, kUsualDelay[0], kUsualDelay[1]); });
      });
    default:
      return both_ways([&](NodeId from, NodeId to) {
        network.set_loss(from, to, kLoss);
        later(fault.lasts, [&network, from, to] { network.set_loss(from, to, 0); });
      });
  }
}

void Nemesis::harm_disk(const Fault& fault) {
  const NodeId node = fault.node;
  io::SimDisk& disk = cluster_.disk(node);
  switch (fault.kind) {
    case FaultKind::kSlowDisk:
      disk.set_latency(kSlowLatency[0], kSlowLatency[1]);
      return later(fault.lasts, [&disk] { disk.set_latency(kUsualLatency[0], kUsualLatency[1]); });
    case FaultKind::kFullDisk:
      disk.set_capacity(1);
      return later(fault.lasts, [&disk] { disk.set_capacity(std::numeric_limits<std::uint64_t>::max()); });
    case FaultKind::kFailedWrite:
      poisoned_.insert(node);
      disk.fail_nth(io::SimDisk::Operation::kWrite, 1, "/wal", 1 + fault.choice % 3);
      return later(fault.lasts, [this, node, &disk] {
        disk.clear_faults();
        poisoned_.erase(node);
        if (cluster_.is_up(node)) cluster_.kill_process(node);  // whoever looks after it starts a failed node anew
        start_again(node);
      });
    case FaultKind::kRot:
      rotted_ |= cluster_.rot(node, fault.choice);
      return;
    default:
      return wipe(node, fault.lasts);
  }
}

void Nemesis::wipe(NodeId node, io::Duration lasts) {
  // What lies nowhere else would be lost rightly.
  if (!cluster_.can_spare(node)) return later(kWipeRetry, [this, node, lasts] { wipe(node, lasts); });
  wiped_ = true;
  cluster_.wipe(node);
  later(lasts, [this, node] { start_again(node); });
}

void Nemesis::heal() {
  due_.clear();
  armed_.clear();
  sprung_.clear();
  io::SimNetwork& network = cluster_.network();
  network.heal_all();
  network.set_loss(0);
  network.set_delays(kUsualDelay[0], kUsualDelay[1]);
  for (const NodeId node : cluster_.ids()) {
    io::SimDisk& disk = cluster_.disk(node);
    disk.clear_faults();
    disk.set_latency(kUsualLatency[0], kUsualLatency[1]);
    disk.set_capacity(std::numeric_limits<std::uint64_t>::max());
    cluster_.resume(node);
    if (poisoned_.contains(node) && cluster_.is_up(node)) cluster_.kill_process(node);
    if (!cluster_.is_up(node)) cluster_.restart(node);
  }
}

}  // namespace walrus::sim
