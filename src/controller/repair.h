// Makes the copies of sealed segments that are missing, for the topics of one shard (docs/paths/repair.md).
//
// Nobody orders a copy. Every node goes through the metadata and asks the same pure function (repair_plan.h) who is
// next in line to hold a segment that has too few holders; the one that finds itself in that place copies it from a
// holder, checks it, and proposes AddHolder. So nothing is lost with a message or a Raft leader, and the limits stand
// where disk and network are: a few copies at a time, so many bytes a second.
//
// Failure: a copy that failed is tried again after limits::kRepairRetryDelay. When the node in line does not get it
// done (its disk is full), the next one begins limits::kRepairTurn later; a copy too many is dropped by the controller.
// A segment of which nobody is up that holds it waits; this node only looks, once, whether it has it whole itself.
//
// Loop thread of the shard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "controller/absence.h"
#include "controller/repair_counters.h"
#include "controller/repair_plan.h"
#include "controller/segment_walk.h"
#include "metadata/metadata_client.h"
#include "replication/segment_copier.h"

namespace walrus::controller {

struct RepairOptions {
  NodeId self;
  io::Duration grace{};  ///< a node is down for so long: what it holds is made elsewhere
  std::uint64_t bytes_per_second = 0;
};

class Repair {
 public:
  struct Shard {
    io::Loop& loop;
    io::Transport& transport;
    metadata::MetadataClient& metadata;
    storage::ShardStore& store;
    replication::ReplicaTable& replicas;
    std::function<bool(std::string_view topic)> owns;  ///< which topics are this shard's
    std::function<void(TopicId)> on_left_over = {};    ///< a copy that is not finished, or not listed, lies here
  };
  /// Everything passed in outlives the object.
  Repair(Shard shard, RepairOptions options, RepairCounters& counters);
  ~Repair();
  Repair(const Repair&) = delete;
  Repair& operator=(const Repair&) = delete;

  void start() { tick(); }
  void stop();

  /// The segment is about to be removed: a copy under way ends.
  void let_go(storage::SegmentKey key);
  /// The copy here was found damaged and set aside: the next one that is made here has healed it.
  void note_damaged(storage::SegmentKey key) { damaged_.insert(key); }

 private:
  void tick();
  bool visit(const metadata::View& view, const metadata::TopicPtr& topic, const metadata::SegmentInfo& segment);
  bool our_turn(const RepairPlan& plan, storage::SegmentKey key);
  void copy(const metadata::View& view, const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
            std::vector<NodeId> sources);
  void on_copied(storage::SegmentKey key, const Status& status);
  void list_as_holder(storage::SegmentKey key);
  void end_copy(storage::SegmentKey key, const Status& status);

  Shard shard_;
  const RepairOptions options_;
  RepairCounters& counters_;
  Absence absence_;
  SegmentWalk walk_;
  io::RateLimit limit_;
  std::map<storage::SegmentKey, std::shared_ptr<replication::SegmentCopier>> running_;
  std::map<storage::SegmentKey, io::TimePoint> not_before_;     // after a failure
  std::map<storage::SegmentKey, io::TimePoint> missing_since_;  // where we are not the first in line
  std::set<storage::SegmentKey> looked_;                        // without a holder that is up: at our own copy, once
  std::set<storage::SegmentKey> damaged_;
  io::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once this is gone: answers may come later
};

}  // namespace walrus::controller
