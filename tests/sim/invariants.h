// Looks at the node of a simulated cluster that has just done something, after each of its steps, and remembers what
// must never change (docs/INVARIANTS.md). What only shows in the content of the log is checked at the end of a run
// (workload.h).
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tests/sim/pledges.h"

namespace walrus::sim {

class Invariants {
 public:
  explicit Invariants(SimCluster& cluster)
      : cluster_(cluster), pledges_(cluster, [this](std::string what) { found(std::move(what)); }) {}

  /// The cluster ends later, and its nodes may still send something when they do.
  ~Invariants() {
    cluster_.world().set_observer({});
    cluster_.network().set_observer({});
  }
  Invariants(const Invariants&) = delete;
  Invariants& operator=(const Invariants&) = delete;

  /// From now on, after every step of a node.
  void watch();
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
  bool note_view(NodeId node, const metadata::ViewPtr& view);
  void look_at_view(const metadata::View& view);
  void look_at_topic(const metadata::View& view, const metadata::TopicInfo& topic);
  void look_at_sealed(const metadata::View& view, const metadata::TopicInfo& topic,
                      const metadata::SegmentInfo& segment);
  void look_at_cursor(const metadata::View& view, const metadata::TopicInfo& topic);
  void look_at_replicas(const SimNode& node, const Disk& disk, const metadata::TopicInfo& topic, std::size_t recent);
  void look_at_replica(const Disk& disk, const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                       const storage::Segment& replica);
  void found(std::string what);

  SimCluster& cluster_;
  std::string violation_;
  std::uint64_t looks_ = 0;
  std::map<storage::SegmentKey, Sealed> sealed_;
  std::map<metadata::Version, std::uint64_t> digests_;              // of the cluster state, by version
  std::map<TopicId, std::map<metadata::Version, Offset>> cursors_;  // by topic
  std::map<storage::SegmentKey, std::size_t> replicas_;             // of segments that were seen open
  std::map<std::pair<Disk, storage::SegmentKey>, Seen> seen_;       // of the replicas
  Pledges pledges_;
  std::map<NodeId, metadata::ViewPtr> views_;  // that each node had when it was looked at last
  metadata::ViewPtr newest_ = metadata::View::empty();
  std::vector<metadata::TopicPtr> topics_;  // of that
};

}  // namespace walrus::sim
