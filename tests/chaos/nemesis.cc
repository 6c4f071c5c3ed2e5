#include "tests/chaos/nemesis.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "tests/chaos/disk_filler.h"
#include "tests/chaos/topic_layout.h"

namespace walrus::chaos {

using namespace std::chrono_literals;

namespace {
constexpr int kRemoveAttempts = 20;
constexpr auto kUnnoticed = 2s;  // from the end of a process to our looking at it, at most

/// Its start is over: before that SIGTERM ends it like any process.
bool answers(const test::Node& node) {
  try {
    return test::Connection(node.client_port(), 1s).request("METRICS").starts_with("OK ");
  } catch (const std::runtime_error&) {
    return false;
  }
}
}  // namespace

Nemesis::Nemesis(FaultyCluster& cluster, NemesisOptions options)
    : cluster_(cluster), options_(std::move(options)), random_(options_.seed) {}

void Nemesis::tell(const std::string& what) {
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  told_.push_back(fmt::format("{:8.2f} s  {}", seconds, what));
  if (options_.verbose) {
    fmt::print("{}\n", told_.back());
    std::fflush(stdout);
  }
}

void Nemesis::step() {
  watch();
  for (std::size_t i = 0; i < active_.size();) {
    if (active_[i].until > Clock::now()) {
      ++i;
      continue;
    }
    const Fault over = std::move(active_[i]);
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
    over.end();
  }
  if (Clock::now() < next_) return;
  next_ = Clock::now() + between(200ms, 3s);
  if (active_.size() < options_.at_a_time) begin_one();
}

void Nemesis::heal() {
  watch();
  while (!active_.empty()) {
    const Fault over = std::move(active_.back());
    active_.pop_back();
    over.end();
  }
  cluster_.rules().heal_all();
  for (const std::uint64_t id : cluster_.ids()) {
    if (cluster_.paused(id)) cluster_.resume(id);
    if (!cluster_.node(id).running()) cluster_.start(id);
  }
  tell("healed");
}

void Nemesis::begin_one() {
  static const std::vector<Kind> kinds = {
      {"kill", 6, &Nemesis::kill},
      {"pause", 5, &Nemesis::pause},
      {"restart", 3, &Nemesis::restart},
      {"restart-all", 1, &Nemesis::restart_all},
      {"wipe", 2, &Nemesis::wipe},
      {"add", 1, &Nemesis::add},
      {"remove", 1, &Nemesis::remove},
      {"fill-disk", 2, &Nemesis::fill_disk},
      {"delay", 3, &Nemesis::delay},
      {"reset", 3, &Nemesis::reset},
      {"one-way-cut", 3, &Nemesis::one_way_cut},
      {"swallow", 2, &Nemesis::swallow},
      {"half-open", 2, &Nemesis::half_open},
      {"corrupt", 2, &Nemesis::corrupt},
      {"isolate", 3, &Nemesis::isolate},
      {"split", 2, &Nemesis::split},
  };
  std::vector<const Kind*> possible;
  for (const Kind& kind : kinds) {
    if (!options_.kinds.empty() && !options_.kinds.contains(kind.name)) continue;
    possible.insert(possible.end(), static_cast<std::size_t>(kind.weight), &kind);
  }
  if (possible.empty()) return;
  const Kind& kind = *possible[below(possible.size())];
  if ((this->*kind.begin)()) ++counts_[kind.name];
}

/// A node that ended without being told to is a bug, unless its disk was full, for which there are exit codes: 5 while
/// it works, 3 when it cannot even start, which takes room for what only its log has.
void Nemesis::watch() {
  for (const std::uint64_t id : cluster_.ended_by_themselves()) {
    const auto how = cluster_.node(id).wait_until_ended();
    const auto filled = filled_.find(id);
    const bool was_full = filled != filled_.end();
    const bool no_start = was_full && Clock::now() < filled->second;
    const bool disk_failed = how && ((how->code == 5 && was_full) || (how->code == 3 && no_start));
    const std::string what =
        fmt::format("node {} ended by itself, code {}, signal {}", id, how ? how->code : -1, how ? how->signal : -1);
    tell(what);
    if (!disk_failed) violations_.push_back(what + "; its last words are in node_" + std::to_string(id) + ".err");
    cluster_.start(id);
  }
}

void Nemesis::hold(const std::string& kind, std::uint64_t node, std::chrono::milliseconds duration,
                   std::function<void()> end) {
  active_.push_back({.kind = kind, .until = Clock::now() + duration, .node = node, .end = std::move(end)});
}

std::chrono::milliseconds Nemesis::between(std::chrono::milliseconds low, std::chrono::milliseconds high) {
  return low + std::chrono::milliseconds(below(static_cast<std::uint64_t>((high - low).count()) + 1));
}

std::optional<std::uint64_t> Nemesis::free_node() {
  std::vector<std::uint64_t> free;
  for (const std::uint64_t id : cluster_.ids()) {
    const bool busy = std::ranges::find(active_, id, &Fault::node) != active_.end();
    if (!busy && cluster_.node(id).running()) free.push_back(id);
  }
  if (free.empty()) return std::nullopt;
  return free[below(free.size())];
}

bool Nemesis::kill() {
  const auto node = free_node();
  if (!node) return false;
  const auto down = between(0ms, 8s);
  tell(fmt::format("kill -9 node {}, back in {} ms", *node, down.count()));
  cluster_.kill_hard(*node);
  hold("kill", *node, down, [this, id = *node] { cluster_.start(id); });
  return true;
}

bool Nemesis::pause() {
  const auto node = free_node();
  if (!node) return false;
  const auto asleep = between(500ms, 12s);  // longer than every timeout between nodes
  tell(fmt::format("pause node {} for {} ms", *node, asleep.count()));
  cluster_.pause(*node);
  hold("pause", *node, asleep, [this, id = *node] {
    cluster_.resume(id);
    tell(fmt::format("node {} wakes up", id));
  });
  return true;
}

bool Nemesis::restart() {
  const auto node = free_node();
  if (!node || !answers(cluster_.node(*node))) return false;
  tell(fmt::format("restart node {}", *node));
  try {
    cluster_.stop(*node);
  } catch (const std::runtime_error& error) {
    violations_.push_back(std::string("restart: ") + error.what());
    cluster_.kill_hard(*node);
  }
  cluster_.start(*node);
  return true;
}

bool Nemesis::restart_all() {
  if (!active_.empty()) return false;
  tell("rolling restart");
  for (const std::uint64_t id : cluster_.ids()) {
    try {
      // A process that has just been started ends like any other by a signal that comes before its first instruction.
      cluster_.node(id).wait_until_ready();
      cluster_.stop(id);
      cluster_.start(id);
      cluster_.node(id).wait_until_ready();
    } catch (const std::runtime_error& error) {
      violations_.push_back(std::string("rolling restart: ") + error.what());
      if (!cluster_.node(id).running()) cluster_.start(id);
      return true;
    }
  }
  return true;
}

bool Nemesis::can_spare(std::uint64_t node) {
  try {
    for (const std::uint64_t asked : cluster_.ids()) {
      for (const std::string& topic : options_.topics) {
        const auto layout = parse_layout(cluster_.node(asked).state(topic));
        for (const SegmentLayout& segment : layout.segments) {
          const bool here = std::ranges::find(segment.replicas, node) != segment.replicas.end();
          if (here && segment.replicas.size() < 3) return false;
        }
      }
    }
  } catch (const std::runtime_error&) {  // no answer, no licence
    return false;
  }
  return true;
}

bool Nemesis::wipe() {
  const auto node = free_node();
  // A node wiped before is back under its new disk before it answers with a leader.
  if (!node || !active_.empty() || !cluster_.formed() || !can_spare(*node)) return false;
  const auto down = between(0ms, 4s);
  tell(fmt::format("kill -9 node {} and wipe its disk, back in {} ms", *node, down.count()));
  cluster_.kill_hard(*node);
  cluster_.wipe(*node);
  hold("wipe", *node, down, [this, id = *node] { cluster_.start(id); });
  return true;
}

bool Nemesis::fill_disk() {
  const auto node = free_node();
  if (!node || !options_.small_disks.contains(*node)) return false;
  const auto full = between(1s, 8s);
  const auto ballast = options_.small_disks.at(*node) / "ballast";
  tell(fmt::format("disk of node {} is full for {} ms", *node, full.count()));
  filled_[*node] = Clock::time_point::max();
  fill_up(ballast);
  hold("fill-disk", *node, full, [this, id = *node, ballast] {
    std::filesystem::remove(ballast);
    filled_[id] = Clock::now() + kUnnoticed;
    tell(fmt::format("disk of node {} has room again", id));
  });
  return true;
}

bool Nemesis::add() {
  if (cluster_.ids().size() >= options_.most_nodes) return false;
  tell(fmt::format("node {} joins", cluster_.add()));
  return true;
}

bool Nemesis::remove() {
  const auto node = free_node();
  if (!node || cluster_.ids().size() <= options_.least_nodes) return false;
  const std::string reply = ask_another(*node, "DRAIN " + std::to_string(*node));
  tell(fmt::format("drain node {}: {}", *node, reply));
  if (reply != "OK") return false;
  remove_later(*node, kRemoveAttempts);
  return true;
}

/// A node can be removed once all that it holds has copies elsewhere.
void Nemesis::remove_later(std::uint64_t node, int attempts) {
  hold("remove", node, between(2s, 6s), [this, node, attempts] {
    const std::string reply = ask_another(node, "REMOVE " + std::to_string(node));
    tell(fmt::format("remove node {}: {}", node, reply));
    if (reply == "OK") {
      cluster_.rules().heal_all();  // nothing else is done meanwhile, and somebody has to tell it
      if (!cluster_.forget(node)) violations_.push_back(fmt::format("node {} was removed and does not end", node));
    } else if (attempts > 1) {
      remove_later(node, attempts - 1);
    }
  });
}

std::string Nemesis::ask_another(std::uint64_t node, const std::string& text) {
  for (const std::uint64_t id : cluster_.ids()) {
    if (id == node || cluster_.paused(id) || !cluster_.node(id).running()) continue;
    try {
      return cluster_.node(id).request(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  return "nobody is there to be asked";
}

}  // namespace walrus::chaos
