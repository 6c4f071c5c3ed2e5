// Reads every sealed segment that this node holds, again and again, and compares it with what was sealed: what rots is
// found while others still have it. For the topics of one shard.
//
// Happy path: a round begins every `interval` and goes from segment to segment, one at a time, at the pace of the rate
// limit. A copy that turns out to be damaged is struck off the holders, if another node that is up holds the segment;
// then the file is set aside, and repair.h makes a new copy, here or elsewhere. suspect() has a segment checked at
// once, for readers that met damage; so has a file that failed, for which the log would be kept until the next start.
//
// Failure: while no other holder is up the damaged copy stays listed and in place, as part of it may be all there is;
// it is looked at again a minute later. One whose file failed is read like any other then: it may be whole.
//
// Loop thread of the shard.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "controller/repair_counters.h"
#include "metadata/metadata_client.h"
#include "replication/replica_table.h"
#include "replication/segment_verifier.h"

namespace walrus::controller {

struct ScrubOptions {
  NodeId self;
  io::Duration interval{};  ///< 0: no rounds
  std::uint64_t bytes_per_second = 0;
};

class Scrubber {
 public:
  struct Shard {
    io::Loop& loop;
    metadata::MetadataClient& metadata;
    storage::ShardStore& store;
    replication::ReplicaTable& replicas;
    std::function<bool(std::string_view topic)> owns;            ///< which topics are this shard's
    std::function<void(storage::SegmentKey)> on_set_aside = {};  ///< a copy is to be made anew
  };
  /// Everything passed in outlives the object.
  Scrubber(Shard shard, ScrubOptions options, RepairCounters& counters);
  ~Scrubber();
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  /// The first round begins at some time within the first interval (an hour at most): not all nodes at once.
  void start();
  void stop();

  /// Damage was met in this copy: it is checked next.
  void suspect(storage::SegmentKey key);

 private:
  struct Target {
    metadata::TopicPtr topic;
    const metadata::SegmentInfo* segment = nullptr;
  };
  void begin_round();
  void look_for_poisoned();
  void check_next();
  Target next_target();
  Target target_of(storage::SegmentKey key) const;
  void check(const Target& target);
  void on_checked(storage::SegmentKey key, const Status& status);
  void settle(storage::SegmentKey key);
  void give_up(storage::SegmentKey key, const Error& damage);
  void set_aside(storage::SegmentKey key, Offset base);
  void check_later(storage::SegmentKey key);

  Shard shard_;
  const ScrubOptions options_;
  RepairCounters& counters_;
  io::RateLimit limit_;
  std::shared_ptr<replication::SegmentVerifier> verifier_;  // one at a time
  std::deque<storage::SegmentKey> urgent_;
  // Where the round stands; beyond the last bucket: no round is under way.
  std::size_t bucket_ = metadata::View::kBuckets;
  std::string topic_;
  SegmentId next_segment_;
  io::TimePoint round_began_;
  io::Timer round_;
  io::Timer step_;
  io::Timer recheck_;
  io::Timer look_;
  std::set<storage::SegmentKey> giving_up_;  // to be struck off the holders
  std::deque<storage::SegmentKey> damaged_;  // the only copy that is up: to be looked at again
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace walrus::controller
