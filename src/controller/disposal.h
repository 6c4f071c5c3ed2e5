// Takes the files of this shard's topics off the disk once the metadata says that they are of no use: segments before a
// topic's start, topics that were deleted, and copies too many (discards.h). Nothing else: what the metadata does not
// mention stays.
//
// Happy path: a view shows that a topic starts later than before, or lists it as deleted. A moment later, when leaders
// and readers have let go, its files go, a few segments at a time. Of a deleted topic this node then confirms that
// nothing is left, and is no longer waited for. What a crash interrupts is found in the first views after the start.
//
// Failure: a file that cannot be removed is tried again with the next round, and said once a round. Loop thread only.
#pragma once

#include <memory>
#include <set>

#include "controller/discards.h"

namespace walrus::controller {

class Disposal {
 public:
  using Shard = DisposalShard;

  Disposal(Shard shard, NodeId self) : shard_(std::move(shard)), self_(self), discards_(shard_, self) {}
  ~Disposal();
  Disposal(const Disposal&) = delete;
  Disposal& operator=(const Disposal&) = delete;

  void start();
  void stop();
  /// Of this topic something may lie here that is not listed.
  void look_at(TopicId topic) { discards_.look_at(topic); }

 private:
  void follow(const metadata::View* before, const metadata::View& now);
  void note_trims(const metadata::View* before, const metadata::View& now);
  void note_deletions(const metadata::View& now);
  void run_soon(io::Duration delay);
  void run();
  /// True when none of its segments below `first_kept` is left.
  bool dispose(TopicId topic, SegmentId first_kept);
  void confirm(std::vector<TopicId> topics);

  Shard shard_;
  const NodeId self_;
  Discards discards_;
  std::set<TopicId> trimmed_;     // to be looked at
  std::set<TopicId> deleted_;     // likewise
  std::set<TopicId> confirming_;  // nothing is left; the proposal is under way
  std::size_t left_in_round_ = 0;
  io::Timer timer_;
  metadata::MetadataClient::Subscription subscription_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once this is gone: answers may come later
};

}  // namespace walrus::controller
