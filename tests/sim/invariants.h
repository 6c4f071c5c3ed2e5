// Looks at the node of a simulated cluster that has just done something, after each of its steps, and remembers what
// must never change (docs/INVARIANTS.md): what it leads, what its copies contain, what it knows of the cluster. What
// the disks have in the end is read and compared then (workload.h).
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tests/sim/history.h"
#include "tests/sim/pledges.h"
#include "tests/sim/workload.h"

namespace walrus::sim {

class Invariants {
 public:
  explicit Invariants(SimCluster& cluster)
      : cluster_(cluster),
        pledges_(cluster, [this](std::string what) { found(std::move(what)); }),
        history_([this](std::string what) { found(std::move(what)); }) {}

  /// The cluster ends later, and its nodes may still send something when they do.
  ~Invariants() {
    cluster_.world().set_observer({});
    cluster_.network().set_observer({});
  }
  Invariants(const Invariants&) = delete;
  Invariants& operator=(const Invariants&) = delete;

  /// From now on, after every step of a node. The topics of `workload` have each record once.
  void watch(const Workload& workload);
  /// What clients of the workload hear.
  WorkloadEvents events();
  /// Disks are lost on purpose, with the only copies of records.
  void expect_losses() { history_.expect_losses(); }
  /// To be told of every message between nodes.
  void on_sent(const io::SimSent& sent) { pledges_.on_sent(sent); }
  /// The first violation, by name; empty when there was none.
  const std::string& violation() const { return violation_; }
  std::uint64_t looks() const { return looks_; }

 private:
  struct Sealed {
    Offset end;
    std::uint64_t hash = 0;
    friend bool operator==(const Sealed&, const Sealed&) = default;
  };
  struct Seen {
    Offset durable;
    History::Place head;
    History::Place proof;  // what of that was durable
    Epoch promised;
    std::uint64_t heard = 0;  // pledges, when the promise was held against them
  };
  struct Disk {
    NodeId node;
    std::uint64_t high = 0;  // of its id
    std::uint64_t low = 0;
    friend auto operator<=>(const Disk&, const Disk&) = default;
  };

  void look_after(const io::SimLoop& loop);
  void look_at_node(const SimNode& node);
  void look_at_leader(const Disk& disk, const broker::TopicLeader& leader);
  std::size_t holders(storage::SegmentKey segment, History::Place place) const;
  bool note_view(NodeId node, const metadata::ViewPtr& view);
  void look_at_view(const metadata::View& view);
  void look_at_topic(const metadata::View& view, const metadata::TopicInfo& topic);
  void look_at_sealed(const metadata::View& view, const metadata::TopicInfo& topic,
                      const metadata::SegmentInfo& segment);
  void look_at_cursor(const metadata::View& view, const metadata::TopicInfo& topic);
  void look_at_replicas(const SimNode& node, const Disk& disk, const metadata::TopicInfo& topic, std::size_t recent);
  void look_at_replica(const Disk& disk, const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                       storage::Segment& replica);
  void look_at_content(const Disk& disk, const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                       storage::Segment& replica, Seen& seen);
  void found(std::string what);

  SimCluster& cluster_;
  std::string violation_;
  std::uint64_t looks_ = 0;
  std::map<storage::SegmentKey, Sealed> sealed_;
  std::map<metadata::Version, std::uint64_t> digests_;              // of the cluster state, by version
  std::map<TopicId, std::map<metadata::Version, Offset>> cursors_;  // by topic
  std::map<storage::SegmentKey, std::vector<NodeId>> replicas_;     // of segments that were seen open
  std::map<storage::SegmentKey, std::map<Disk, Seen>> seen_;        // of their copies
  std::map<std::pair<NodeId, storage::SegmentKey>, Offset> commits_;
  Pledges pledges_;
  History history_;
  std::map<NodeId, metadata::ViewPtr> views_;  // that each node had when it was looked at last
  metadata::ViewPtr newest_ = metadata::View::empty();
  std::vector<metadata::TopicPtr> topics_;  // of that
};

}  // namespace walrus::sim
