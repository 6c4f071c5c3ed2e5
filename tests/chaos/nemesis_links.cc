// The faults between nodes.
#include <fmt/core.h>

#include <algorithm>

#include "tests/chaos/nemesis.h"

namespace walrus::chaos {

using namespace std::chrono_literals;

std::pair<std::uint64_t, std::uint64_t> Nemesis::any_link() {
  const auto ids = cluster_.ids();
  const std::uint64_t from = below(ids.size());
  const std::uint64_t to = (from + 1 + below(ids.size() - 1)) % ids.size();
  return {ids[from], ids[to]};
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
