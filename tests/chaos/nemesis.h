// Makes faults on a FaultyCluster, at random from a seed, several at a time, each ended after a while of its own; and
// keeps the list of them. What it may do is bounded so that the checker's sentences stay true: no disk is wiped while a
// record could have its last copies there.
//
// The thread that owns the cluster.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/chaos/faulty_cluster.h"

namespace walrus::chaos {

struct NemesisOptions {
  std::uint64_t seed = 1;
  std::size_t at_a_time = 3;
  std::size_t least_nodes = 5;  ///< no removal below
  std::size_t most_nodes = 7;   ///< no addition above
  bool verbose = false;
  std::set<std::string> kinds;  ///< only these; empty: all that can be had
  std::vector<std::string> topics;
  std::map<std::uint64_t, std::filesystem::path> small_disks;  ///< nodes whose disk can be filled up
};

class Nemesis {
 public:
  Nemesis(FaultyCluster& cluster, NemesisOptions options);

  /// Ends what is due, begins what there is room for. Call every now and then.
  void step();
  /// Ends everything; all nodes run again when this returns.
  void heal();

  /// One line per fault: seconds since the start, what, for how long.
  const std::vector<std::string>& told() const { return told_; }
  /// By kind.
  const std::map<std::string, std::size_t>& counts() const { return counts_; }
  /// What a node has done that no fault explains.
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  struct Fault {
    std::string kind;
    Clock::time_point until;
    std::uint64_t node = 0;  // busy until then; 0: none
    std::function<void()> end;
  };
  struct Kind {
    std::string name;
    int weight;
    bool (Nemesis::*begin)();
  };

  bool kill();
  bool pause();
  bool restart();
  bool restart_all();
  bool wipe();
  bool fill_disk();
  bool add();
  bool remove();
  bool delay();
  bool reset();
  bool one_way_cut();
  bool swallow();
  bool half_open();
  bool corrupt();
  bool isolate();
  bool split();

  void begin_one();
  void watch();
  void tell(const std::string& what);
  void hold(const std::string& kind, std::uint64_t node, std::chrono::milliseconds duration, std::function<void()> end);
  std::chrono::milliseconds between(std::chrono::milliseconds low, std::chrono::milliseconds high);
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  /// A node that runs and that no other fault keeps busy.
  std::optional<std::uint64_t> free_node();
  std::pair<std::uint64_t, std::uint64_t> any_link();
  bool link_fault(const std::string& name, const LinkRule& rule, bool both_ways, std::chrono::milliseconds longest);
  void remove_later(std::uint64_t node, int attempts);
  /// The answer of some other node than this one.
  std::string ask_another(std::uint64_t node, const std::string& text);
  /// Every segment has two holders beside this node.
  bool can_spare(std::uint64_t node);

  FaultyCluster& cluster_;
  const NemesisOptions options_;
  std::mt19937_64 random_;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point next_ = Clock::now();
  std::vector<Fault> active_;
  std::map<std::uint64_t, Clock::time_point> filled_;  // disks that are, or were: until when that excuses an end
  std::vector<std::string> told_;
  std::map<std::string, std::size_t> counts_;
  std::vector<std::string> violations_;
};

}  // namespace walrus::chaos
