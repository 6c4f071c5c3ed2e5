// A Raft group in the simulator, one RaftMember per node with a disk and a loop of its own, on a network that this file
// can delay, lose and cut. The machine of each node is the list of what was applied; everything that any node applies
// is compared with what another node applied at the same index (I12 for Raft itself: state machine safety).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/sim/sim_disk.h"
#include "io/sim/sim_loop.h"
#include "metadata/raft_member.h"

namespace walrus::metadata::test {

class RaftGroup;

class ListMachine final : public RaftMachine {
 public:
  struct Applied {
    std::uint64_t term;
    std::string command;
  };
  void apply(std::uint64_t index, std::uint64_t term, std::string_view command) override;
  void skip(std::uint64_t index) override;
  void apply_members(std::uint64_t index, const Members& members) override;
  std::string snapshot() override;
  Status restore(std::uint64_t index, std::string_view data, const Members& members) override;

  std::map<std::uint64_t, Applied> applied;  // commands by index
  std::uint64_t last = 0;
  std::uint64_t restored = 0;  // snapshots
  RaftGroup* group = nullptr;
};

class GroupNode final : public RaftHost {
 public:
  GroupNode(RaftGroup& group, NodeId id);
  void send(NodeId to, RaftMessage message) override;
  bool sending_snapshot(NodeId) override { return false; }
  void settled() override;
  void failed(const Error& error) override;

  /// Process start; false (with `failure`) when the directory is refused.
  bool start();
  void crash(io::CrashModel model);
  bool up() const { return member != nullptr; }

  RaftGroup& group;
  const NodeId id;
  const RaftId raft_id;
  io::SimLoop* loop = nullptr;
  std::unique_ptr<io::SimDisk> disk;
  ListMachine machine;
  std::unique_ptr<RaftMember> member;
  std::optional<Error> failure;
  bool expects_failure = false;  // the disk has been told to fail
  Members first_members;         // bootstrap with these; empty: join
};

class RaftGroup {
 public:
  struct Options {
    RaftTiming timing{};
    std::uint64_t snapshot_threshold = 64;
    std::uint64_t snapshot_trailing = 64;
    std::size_t log_file_bytes = 16 * 1024;
    double loss = 0;
    io::Duration delay_low = std::chrono::microseconds(200);
    io::Duration delay_high = std::chrono::milliseconds(2);
  };
  RaftGroup(std::uint64_t seed, Options options);

  /// Nodes 1..n, all voters from the first entry on, started.
  void start_voters(std::uint64_t n);
  /// A node that waits to be added.
  GroupNode& start_joiner(std::uint64_t id);
  GroupNode& node(std::uint64_t id) { return *nodes.at(NodeId(id)); }

  /// The one that leads with the highest term, if any.
  GroupNode* leader();
  bool run_until(const std::function<bool()>& predicate, io::Duration limit = std::chrono::seconds(20)) {
    return world.run_until(predicate, limit);
  }
  GroupNode* await_leader();

  /// Proposes a new unique id at this node; 0 when it does not lead.
  std::uint64_t propose(GroupNode& at);
  /// Proposes at the leader and waits until it is applied there.
  std::uint64_t propose_and_wait();

  void cut(std::uint64_t from, std::uint64_t to) { cuts.insert({NodeId(from), NodeId(to)}); }
  void isolate(std::uint64_t id);
  void heal() { cuts.clear(); }

  /// All nodes that are up have applied the same last index, and nothing more is coming.
  bool converged();
  /// Every acknowledged id was applied exactly once, on each of these nodes; no id twice.
  void expect_acknowledged_exactly_once(const std::vector<GroupNode*>& on);
  std::vector<GroupNode*> members_up();
  /// A line per node, for people.
  std::string describe();

  void deliver(NodeId from, NodeId to, io::Message message);
  void check_applied(std::uint64_t index, std::uint64_t term, const std::string& command);
  void note_settled(GroupNode& node);

  const Options options;
  io::SimWorld world;
  std::map<NodeId, std::unique_ptr<GroupNode>> nodes;
  std::set<std::pair<NodeId, NodeId>> cuts;
  /// Sees each message before it is sent; may change it or (false) drop it.
  std::function<bool(NodeId to, RaftMessage&)> tamper;
  std::set<std::uint64_t> acknowledged;
  std::uint64_t elections = 0;
  std::uint64_t next_id = 1;

 private:
  struct Pending {
    std::uint64_t id;
    std::uint64_t term;
    NodeId at;
  };
  std::map<std::pair<NodeId, std::uint64_t>, Pending> pending_;  // by node and index
  std::map<std::uint64_t, ListMachine::Applied> history_;        // by index, whoever applied it first
  std::set<std::pair<std::uint64_t, NodeId>> leaders_;           // by term
  std::vector<io::Timer> in_flight_;
};

}  // namespace walrus::metadata::test
