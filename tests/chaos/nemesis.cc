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
  static const std::vector<Kind> kKinds = {
      {"kill", 6, &Nemesis::kill},
      {"pause", 5, &Nemesis::pause},
      {"restart", 3, &Nemesis::restart},
      {"restart-all", 1, &Nemesis::restart_all},
      {"wipe", 2, &Nemesis::wipe},
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
  for (const Kind& kind : kKinds) {
    if (!options_.kinds.empty() && !options_.kinds.contains(kind.name)) continue;
    possible.insert(possible.end(), static_cast<std::size_t>(kind.weight), &kind);
  }
  if (possible.empty()) return;
  const Kind& kind = *possible[below(possible.size())];
  if ((this->*kind.begin)()) ++counts_[kind.name];
}

/// A node that ended without being told to is a bug, unless its disk was full, for which there is an exit code.
void Nemesis::watch() {
  for (const std::uint64_t id : cluster_.ended_by_themselves()) {
    const auto how = cluster_.node(id).wait_until_ended();
    const bool disk_failed = how && how->code == 5 && filled_.contains(id);
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

std::pair<std::uint64_t, std::uint64_t> Nemesis::any_link() {
  const auto ids = cluster_.ids();
  const std::uint64_t from = below(ids.size());
  const std::uint64_t to = (from + 1 + below(ids.size() - 1)) % ids.size();
  return {ids[from], ids[to]};
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
  if (!node || !test::accepts_connections(cluster_.node(*node).client_port())) return false;
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
      cluster_.stop(id);
      cluster_.start(id);
      cluster_.node(id).wait_until_ready();
    } catch (const std::runtime_error& error) {
      violations_.push_back(std::string("rolling restart: ") + error.what());
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
  filled_.insert(*node);
  fill_up(ballast);
  hold("fill-disk", *node, full, [this, id = *node, ballast] {
    std::filesystem::remove(ballast);
    tell(fmt::format("disk of node {} has room again", id));
  });
  return true;
}

bool Nemesis::link_fault(const std::string& name, const LinkRule& rule, bool both_ways,
                         std::chrono::milliseconds longest) {
  const auto [from, to] = any_link();
  const auto duration = between(300ms, longest);
  tell(fmt::format("{} {} {} {} for {} ms", name, from, both_ways ? "<->" : "->", to, duration.count()));
  cluster_.rules().set(from, to, rule);
  if (both_ways) cluster_.rules().set(to, from, rule);
  hold(name, 0, duration, [this, from, to] {
    cluster_.rules().heal(from, to);
    cluster_.rules().heal(to, from);
  });
  return true;
}

bool Nemesis::delay() { return link_fault("delay", {.delay = between(1ms, 400ms)}, below(2) == 0, 10s); }
bool Nemesis::one_way_cut() { return link_fault("one-way cut", {.stalled = true}, false, 10s); }
bool Nemesis::swallow() { return link_fault("swallow", {.swallowed = true}, false, 4s); }
bool Nemesis::half_open() {
  const bool done = link_fault("half open", {.half_open = true}, false, 8s);
  for (const std::uint64_t id : cluster_.ids()) cluster_.proxy(id).reset_connections(0);
  return done;
}
bool Nemesis::corrupt() { return link_fault("corrupt", {.corrupt = 0.02}, true, 8s); }

bool Nemesis::reset() {
  const auto [from, to] = any_link();
  if (below(2) == 0) {
    tell(fmt::format("reset the connections {} -> {}", from, to));
    cluster_.proxy(to).reset_connections(from);
    return true;
  }
  return link_fault("resets", {.reset = 0.01}, true, 8s);
}

bool Nemesis::isolate() {
  const auto ids = cluster_.ids();
  const std::uint64_t alone = ids[below(ids.size())];
  const auto duration = between(500ms, 12s);
  tell(fmt::format("isolate node {} for {} ms", alone, duration.count()));
  for (const std::uint64_t other : ids) {
    cluster_.rules().set(alone, other, {.stalled = true});
    cluster_.rules().set(other, alone, {.stalled = true});
  }
  hold("isolate", 0, duration, [this, alone, ids] {
    for (const std::uint64_t other : ids) {
      cluster_.rules().heal(alone, other);
      cluster_.rules().heal(other, alone);
    }
  });
  return true;
}

bool Nemesis::split() {
  auto ids = cluster_.ids();
  std::ranges::shuffle(ids, random_);
  const std::size_t half = ids.size() / 2;
  const auto duration = between(500ms, 10s);
  tell(fmt::format("split off {} of {} nodes, {} and more, for {} ms", half, ids.size(), ids[0], duration.count()));
  const auto each = [ids, half](const std::function<void(std::uint64_t, std::uint64_t)>& action) {
    for (std::size_t a = 0; a < half; ++a) {
      for (std::size_t b = half; b < ids.size(); ++b) {
        action(ids[a], ids[b]);
        action(ids[b], ids[a]);
      }
    }
  };
  each([this](std::uint64_t a, std::uint64_t b) { cluster_.rules().set(a, b, {.stalled = true}); });
  hold("split", 0, duration,
       [this, each] { each([this](std::uint64_t a, std::uint64_t b) { cluster_.rules().heal(a, b); }); });
  return true;
}

}  // namespace walrus::chaos
