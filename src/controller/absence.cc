#include "controller/absence.h"

#include <utility>

namespace walrus::controller {

bool Absence::observe(const metadata::View& view, io::TimePoint now) {
  std::set<NodeId> present;
  for (const auto& [id, node] : view.nodes()) {
    if (node.state != metadata::NodeState::kDown) down_since_.erase(id);
    if (node.state == metadata::NodeState::kRemoved || node.draining) continue;
    if (node.state == metadata::NodeState::kDown) {
      const auto [since, first_seen] = down_since_.try_emplace(id, now);
      if (now - since->second > grace_) continue;
    }
    present.insert(id);
  }
  return std::exchange(present_, std::move(present)) != present_;
}

}  // namespace walrus::controller
