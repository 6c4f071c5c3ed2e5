// What a scenario may do: look for who plays which part in the topic's open segment, harm it, and wait for moments.
#pragma once

#include <functional>
#include <string>

#include "tests/sim/group_clients.h"
#include "tests/sim/invariants.h"
#include "tests/sim/workload.h"

namespace walrus::sim {

inline const std::string kTopic = "topic-0";  ///< that all producers write to

class Story {
 public:
  Story(std::uint64_t seed, std::size_t nodes, std::uint32_t replicas);

  /// Forms the cluster and starts the load; false, with the reason in wrong(), when that fails.
  bool begin();
  /// Heals everything, waits until the topic is writable again, and checks.
  void end();
  const std::string& wrong() const { return wrong_; }
  /// The story itself has seen something that must not be.
  void fail(std::string why);
  /// Records that nobody has any more are part of this story.
  void expect_losses() {
    losses_expected_ = true;
    invariants_.expect_losses();
  }

  // The open segment of the topic that all producers write to.
  metadata::TopicPtr topic() const;
  metadata::SegmentInfo open() const { return topic()->last(); }
  NodeId leader() const { return open().leader; }
  /// The replicas besides the leader.
  std::vector<NodeId> followers() const;
  bool being_sealed() const { return open().state == metadata::SegmentState::kSealing; }
  /// A node that is no replica's leader and not the Raft leader, if there is one; else any.
  NodeId bystander() const;

  // Waiting. A moment that does not come within 20 virtual seconds is the story's own failure.
  void run_for(io::Duration duration) { cluster_.world().run_for(duration); }
  void until(const std::function<bool()>& moment, std::string_view what);
  void until_acknowledged(std::uint64_t more);
  void until_writable(std::string_view when);
  /// The next segment is open: somebody has taken over, or a roll is done.
  void until_next_segment();

  // Harm.
  void kill(NodeId node);
  void cut_power(NodeId node, io::CrashModel model = io::CrashModel::kLoseUnsynced);
  void restart(NodeId node);
  void pause(NodeId node) { cluster_.pause(node); }
  void resume(NodeId node) { cluster_.resume(node); }
  /// Takes the node out of the cluster, whatever it holds, and waits until its process has ended.
  void remove(NodeId node);
  /// Has a command of the metadata carried out, through any node but `except`.
  Status carry_out(const metadata::Command& command, NodeId except = {});
  /// Registers the topic anew and puts `records` into it, through any node but `except`; its id.
  TopicId fill_topic(const std::string& name, std::size_t records, NodeId except);
  void delete_topic(TopicId topic, NodeId except);
  /// Trims away what all groups have read; the first segment that is kept.
  SegmentId trim(NodeId except);
  /// Segments of a topic below `first_kept` of which this node has something.
  std::size_t copies(NodeId node, const std::string& name, TopicId topic, SegmentId first_kept);
  void isolate(NodeId node) { cluster_.network().isolate(node); }
  void cut(NodeId from, NodeId to) { cluster_.network().cut(from, to); }
  void heal() { cluster_.network().heal_all(); }

  SimCluster& cluster() { return cluster_; }
  Workload& workload() { return workload_; }
  io::Random& random() { return cluster_.world().random(); }
  Epoch promise_of(NodeId node, SegmentId segment);

 private:
  void check_groups();

  SimCluster cluster_;
  Workload workload_;
  GroupClients groups_;
  Invariants invariants_;
  std::string wrong_;
  bool losses_expected_ = false;
};

}  // namespace walrus::sim
