// What is wrong with the network between the nodes, per directed link. Shared by the thread that makes faults and the
// proxies that carry them out. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

namespace walrus::chaos {

/// The fate of bytes on their way from one node to another, whichever of the two opened the connection.
struct LinkRule {
  std::chrono::microseconds delay{0};
  bool stalled = false;    ///< bytes wait and go on when it is over, as TCP does across a cut of the network
  bool swallowed = false;  ///< bytes vanish; what comes behind them is out of step
  bool half_open = false;  ///< new connections are accepted and lead nowhere
  double corrupt = 0;      ///< chance per piece read that one bit of it is flipped
  double reset = 0;        ///< chance per piece read that the connection is reset

  bool passes() const { return !stalled && !swallowed && !half_open && corrupt == 0 && reset == 0; }
};

class LinkRules {
 public:
  void set(std::uint64_t from, std::uint64_t to, const LinkRule& rule) {
    const std::lock_guard guard(mutex_);
    rules_[{from, to}] = rule;
  }
  void heal(std::uint64_t from, std::uint64_t to) {
    const std::lock_guard guard(mutex_);
    rules_.erase({from, to});
  }
  void heal_all() {
    const std::lock_guard guard(mutex_);
    rules_.clear();
  }
  LinkRule get(std::uint64_t from, std::uint64_t to) const {
    const std::lock_guard guard(mutex_);
    const auto found = rules_.find({from, to});
    return found == rules_.end() ? LinkRule{} : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, LinkRule> rules_;
};

}  // namespace walrus::chaos
