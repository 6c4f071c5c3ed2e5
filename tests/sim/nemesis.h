// Does to a simulated cluster what a list of faults says, and makes good each of them when its time is over.
//
// Happy path: run_for() lets the world run and does what is due, between two tasks of the run, never inside one. heal()
// ends everything that is still wrong.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "tests/sim/fault_plan.h"
#include "tests/sim/sim_cluster.h"

namespace walrus::sim {

class Nemesis {
 public:
  /// `tell` hears of each fault when it comes. Times in the list count from now on.
  Nemesis(SimCluster& cluster, const std::vector<Fault>& faults, std::function<void(const std::string&)> tell);

  void run_for(io::Duration duration);
  void heal();

  /// Tells it of every message that is sent: ambushes wait for one.
  void on_sent(const io::SimSent& sent);

  std::uint64_t done() const { return done_; }
  bool wiped() const { return wiped_; }
  bool rotted() const { return rotted_; }

 private:
  void later(io::Duration delay, std::function<void()> action);
  void begin(const Fault& fault);
  void harm_node(FaultKind kind, NodeId node, const Fault& fault);
  void harm_link(const Fault& fault);
  void harm_disk(const Fault& fault);
  void wipe(NodeId node, io::Duration lasts);
  void power_cut(NodeId node, std::uint64_t choice);
  void isolate(NodeId node, io::Duration lasts);
  void cut(NodeId from, NodeId to, io::Duration lasts);
  void start_again(NodeId node);

  struct Armed {
    Fault fault;
    Ambush ambush;
  };
  struct Sprung {
    Armed armed;
    NodeId victim;
  };

  SimCluster& cluster_;
  std::function<void(const std::string&)> tell_;
  std::multimap<io::TimePoint, std::function<void()>> due_;
  std::vector<Armed> armed_;
  std::vector<Sprung> sprung_;
  std::set<NodeId> poisoned_;  // their logs refuse to go on until they are started anew
  std::uint64_t done_ = 0;
  bool wiped_ = false;
  bool rotted_ = false;
};

}  // namespace walrus::sim
