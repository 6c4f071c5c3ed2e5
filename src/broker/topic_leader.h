// What the leader of a topic's open segment does: takes appends, owns the topic's groups, rolls the segment.
//
// The roll: when the next batch does not fit (or the monitor finds the segment full) appends are refused with
// kNotLeader, which callers hold and repeat when the view changes. Once everything appended is committed, and synced
// here whatever the policy, the cursor is frozen and SealAndOpen is proposed with the exact end and cursor position.
// Applied, or beaten by another command: either way the view changes and this object is retired. Unsure or not carried
// out: the same command is proposed again; it is a compare-and-set. Nothing is appended or acknowledged meanwhile.
//
// What ends a replicated segment besides (one replica can only go on): this node was restarted, its disk failed, or no
// quorum answers. Then another replica is asked to find the end. A fence ends the leader at once, whatever it does.
//
// Loop thread only.
#pragma once

#include <memory>
#include <string>

#include "broker/commit_waiters.h"
#include "broker/group_table.h"
#include "broker/options.h"
#include "broker/seal_requests.h"
#include "broker/topic_producers.h"
#include "broker/topic_reader.h"
#include "broker/write_terms.h"
#include "metadata/metadata_client.h"
#include "replication/segment_leader.h"
#include "storage/shard_store.h"

namespace walrus::broker {

/// What every leader of a shard shares; all outlive it.
struct LeaderContext {
  io::Loop& loop;
  storage::ShardStore& store;
  metadata::MetadataClient& metadata;
  io::Transport& transport;
  TopicReader& reader;
  SealRequests& seals;
  const BrokerOptions& options;
  std::function<void(const std::shared_ptr<Group>&, Group::Urgency)> group_changed;
  std::function<void(const std::string& topic, const storage::RecordView& record, io::Done done)> append_elsewhere;
  /// Tells Raft what it does not know of the shard's groups.
  std::function<void(io::Done)> flush_groups;
};

/// Batches from some offset on, and how far the topic could be read at that moment.
struct TailRead {
  storage::Batches batches;
  Offset end;
};
using TailReadDone = std::move_only_function<void(Result<TailRead>)>;
using StateDone = std::move_only_function<void(Result<std::string>)>;
using SettleDone = std::move_only_function<void(Result<Offset>)>;

class TopicLeader : public std::enable_shared_from_this<TopicLeader> {
 public:
  /// Opens the topic's last segment, which this node leads. kNotLeader when it must be sealed first: an earlier life of
  /// this node led it, and has promised so.
  static Result<std::shared_ptr<TopicLeader>> open(const LeaderContext& context, const metadata::TopicInfo& topic);

  TopicId topic() const { return topic_; }
  SegmentId segment() const { return segment_id_; }
  Epoch epoch() const { return leader_.epoch(); }

  /// As SegmentLeader::append. kNotLeader: not now and never again in this epoch; hold the batch until the view has
  /// changed. A verdict (write_terms.h): never.
  Status append(std::string& batch, const WriteTerms& terms, replication::SegmentLeader::AppendDone& done);

  /// The next records of GET's cursor; see SharedCursor::take. A quorum confirms first that this node still leads.
  void take(std::uint32_t max_records, std::size_t max_bytes, TakeDone done);
  /// What a client wants of one of the topic's groups; see Group. Where a quorum has to confirm that this node still
  /// leads, that comes first.
  void group(GroupCall call, GroupDone done);
  Offset commit() const { return leader_.commit(); }
  /// Committed batches of the open segment with records from `from` on. That there are none is said after a quorum has
  /// confirmed that this node still leads.
  void read(Offset from, std::size_t max_bytes, TailReadDone done);
  /// `done` runs once commit lies behind `beyond`, or after `hold`; kNotLeader when this leader ends before.
  void await_commit(Offset beyond, io::Duration hold, CommitDone done);
  /// The commit offset, confirmed by a quorum.
  void find_end(storage::OffsetDone done);
  /// The first committed record here that is not older, or commit.
  void find_time(std::int64_t timestamp_ms, storage::OffsetDone done);

  /// The JSON of STATE, from the view and what only the leader knows. kNotLeader while the next segment is being
  /// opened: records may have been acknowledged in it already.
  void state(StateDone done);

  /// The end of the topic once everything appended so far is committed: nothing that was accepted before comes to stand
  /// at or behind it.
  void settle(SettleDone done);

  /// The topic's options may have changed.
  void follow(const metadata::TopicInfo& topic);

  /// Starts the roll when the segment is full or due for retention, or has fewer replicas than it could have; called by
  /// the monitor.
  void check();
  /// The topic now begins at `start`.
  void on_trim(Offset start) { groups_.on_trim(start); }
  /// The view names another segment, or a recoverer for this one: stop.
  void retire();
  /// A replica here was fenced with a higher epoch: stop at once.
  void fence();
  bool settled() const { return leader_.settled(); }
  /// The node is about to go: who waits here for records is to ask elsewhere, later.
  void send_waiters_away() {
    groups_.send_waiters_away();
    waiters_.end({ErrorCode::kUnavailable, "the node is stopping"});
  }

 private:
  TopicLeader(const LeaderContext& context, const metadata::TopicInfo& topic, storage::Segment& segment);
  SharedCursor::Source records();
  void read_anywhere(Offset from, storage::BatchesDone done);
  /// Whether a batch with such terms is answered without being written: refused, or found.
  Result<bool> answered_unwritten(const WriteTerms& terms, replication::SegmentLeader::AppendDone& done);
  void refuse(Error verdict, replication::SegmentLeader::AppendDone done);
  std::uint64_t entries() const { return leader_.end() - leader_.base(); }
  /// Whether the segment has come so near a bound of the topic's retention that it is to be sealed, so that it can go.
  bool due_for_retention() const;
  /// Whether a segment opened by now would have more replicas, or none that is to go.
  bool could_lie_better() const;
  Result<std::string> state_json() const;
  bool replicated() const { return leader_.replicas() > 1; }
  /// The next segment may be open already: nothing can be said about the end any more.
  bool over() const { return roll_ == Roll::kProposing || roll_ == Roll::kRetired; }
  /// Runs `done` with this leader once a quorum has confirmed it, with the error otherwise.
  void when_confirmed(std::move_only_function<void(Result<TopicLeader*>)> done);
  void read_committed(Offset from, std::size_t max_bytes, TailReadDone done);
  void start_roll();
  void advance();
  void ask_for_seal();
  void sync_end();
  void ask_another();
  void cannot_sync(const Status& trouble);
  void seal_later(const Status& trouble, void (TopicLeader::*step)());
  void carry_groups_over();
  void propose_seal();

  enum class Roll { kNone, kSettling, kProposing, kRetired };

  LeaderContext context_;
  const TopicId topic_;
  const std::string name_;
  const SegmentId segment_id_;
  const std::uint64_t max_entries_;
  const io::TimePoint opened_;
  metadata::TopicOptions options_;
  storage::Segment& segment_;
  replication::SegmentLeader leader_;
  TopicProducers producers_;
  GroupTable groups_;
  CommitWaiters waiters_;
  Roll roll_ = Roll::kNone;
  std::uint64_t seal_attempts_ = 0;
  io::Timer retry_;
};

}  // namespace walrus::broker
