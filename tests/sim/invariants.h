// Looks at a running simulated cluster again and again and remembers what must never change (docs/INVARIANTS.md). What
// only shows in the content of the log is checked at the end of a run (workload.h).
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "tests/sim/pledges.h"

namespace walrus::sim {

class Invariants {
 public:
  explicit Invariants(SimCluster& cluster)
      : cluster_(cluster), pledges_(cluster, [this](std::string what) { found(std::move(what)); }) {}

  /// From now on until the end of the run, each `interval` of virtual time.
  void watch(io::Duration interval);
  /// To be told of every message between nodes.
  void on_sent(const io::SimSent& sent) { pledges_.on_sent(sent); }
  /// The first violation, by name; empty when there was none.
  const std::string& violation() const { return violation_; }
  std::uint64_t looks() const { return looks_; }

 private:
  void look();
  void look_at_view(const metadata::View& view);
  void look_at_topic(const metadata::View& view, const metadata::TopicInfo& topic);
  void look_at_sealed(const metadata::View& view, const metadata::TopicInfo& topic,
                      const metadata::SegmentInfo& segment);
  void look_at_cursor(const metadata::View& view, const metadata::TopicInfo& topic);
  void look_at_replicas(NodeId node, const metadata::TopicInfo& topic);
  void look_at_replica(NodeId node, const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                       const storage::Segment& replica);
  void found(std::string what);

  struct Sealed {
    Offset end;
    std::uint64_t hash = 0;
    friend bool operator==(const Sealed&, const Sealed&) = default;
  };
  struct Disk {
    NodeId node;
    std::uint64_t high = 0;  // of its id
    std::uint64_t low = 0;
    friend auto operator<=>(const Disk&, const Disk&) = default;
  };

  SimCluster& cluster_;
  std::string violation_;
  std::uint64_t looks_ = 0;
  std::map<storage::SegmentKey, Sealed> sealed_;
  std::map<metadata::Version, std::uint64_t> digests_;              // of the cluster state, by version
  std::map<TopicId, std::map<metadata::Version, Offset>> cursors_;  // by topic
  std::map<storage::SegmentKey, std::size_t> replicas_;             // of segments that were seen open
  std::map<std::pair<Disk, storage::SegmentKey>, Offset> durable_;  // ends, as the replicas said
  Pledges pledges_;
  io::Timer timer_;
};

}  // namespace walrus::sim
