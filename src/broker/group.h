// A group of readers of one topic, at the leader of the topic's open segment, which owns where the group stands: a
// cursor of its own, independent of all others. GET's cursor is the group "_shared".
//
// What it promises: READ hands a record to the group once per owner (with advance), or shows the same ones until COMMIT
// moves on (without). COMMIT and SEEK are answered when Raft has them; positions that READ and GET moved follow within
// limits::kCursorFlushInterval (cursor_flusher.h), and exactly at a roll, a drain and a clean stop. After a crash
// records may be given again, none is skipped. Only SEEK moves a group back (I11).
//
// A READ that finds nothing is parked here, for as long as it wants to wait; a commit, a SEEK or its time wakes it.
//
// Failure: kNotLeader once the roll has begun: the next owner goes on exactly here. kOffsetOutOfRange for places that
// are not there. Loop thread only.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/group_call.h"
#include "broker/shared_cursor.h"
#include "broker/work_queue.h"
#include "metadata.pb.h"
#include "metadata/groups.h"

namespace walrus::broker {

class Group : public std::enable_shared_from_this<Group> {
 public:
  enum class Urgency { kSoon, kNow };
  /// What the groups of one leader share. What `records` names lives until freeze().
  struct Home {
    io::Loop& loop;
    TopicId topic;
    Epoch epoch;
    SharedCursor::Source records;  // its moved() is not used
    /// The group has something that Raft does not know yet.
    std::function<void(const std::shared_ptr<Group>&, Urgency)> changed;
    /// expire() is to be called then.
    std::function<void(io::TimePoint)> call_at;
    /// Somebody is parked until then: wake() is to be called when there may be more to read, too.
    std::function<void(io::TimePoint)> parked_until;
    /// Appends a record to a topic, which is made when it is not there.
    std::function<void(const std::string& topic, const storage::RecordView& record, io::Done done)> append;
    /// Whether this node still leads, as a quorum says now.
    std::function<void(io::Done done)> confirm;
  };

  /// `stored` is what Raft knows, `position` where to go on: not behind it, and within what can be read.
  static std::shared_ptr<Group> make(const std::shared_ptr<const Home>& home, std::string name,
                                     const metadata::GroupInfo& stored, Offset position);

  const std::string& name() const { return name_; }
  TopicId topic() const { return home_->topic; }
  Epoch epoch() const { return home_->epoch; }
  Offset position() const { return queue_ ? queue_->offset() : cursor_->position(); }
  bool is_queue() const { return queue_ != nullptr; }
  Offset committed() const { return stored_.offset; }
  SharedCursor& cursor() { return *cursor_; }

  void read(const GroupCall& call, GroupDone done);
  void commit(Offset offset, GroupDone done);
  void seek(Offset offset, GroupDone done);
  // As a work queue (work_queue.h), which a group becomes with the first of these; READ and COMMIT are refused then.
  void configure(const GroupCall& call, GroupDone done);
  void lease(const GroupCall& call, GroupDone done);
  void acknowledge(const GroupCall& call, GroupDone done);
  void give_up(const GroupCall& call, GroupDone done);
  void extend(const GroupCall& call, GroupDone done);
  void trim(Offset start);
  /// The group goes; until Raft has it, the group answers kUnavailable.
  void forget(GroupDone done);

  /// There may be more to read. Cheap when nobody waits.
  void wake();
  /// Answers who has waited long enough; the next moment at which somebody has, if any.
  std::optional<io::TimePoint> expire(io::TimePoint now);
  bool waited_for() const { return !parked_.empty(); }

  /// The group stands still from now on: all that comes and all who wait get kNotLeader.
  void freeze();
  /// The node is about to go: who waits is to ask elsewhere, later.
  void send_waiters_away();
  /// It belongs to another owner: what Raft has not confirmed will not be by us.
  void end();

  // For the flusher.
  /// Something here is not known to Raft. It stays so from write() until on_written().
  bool dirty() const { return dirty_; }
  /// Nor is what is on its way to it.
  bool unwritten() const { return dirty_ || write_under_way_; }
  /// Only the position has moved, and that forward.
  bool only_moved() const { return stored_.generation == generation_ && !forgetting_ && waiting_.empty(); }
  bool queued = false;  ///< in the flusher's line
  /// What Raft is to know, as the next revision.
  void write(metadata::CommitCursors::Position& position);
  /// What became of that: an error when it is not known; whether it may have been carried out; `now` is what Raft has
  /// of the group, null when nothing.
  void on_written(const Status& outcome, bool carried_out, const metadata::GroupInfo* now);
  bool ended() const { return ended_; }
  bool forgotten() const { return forgotten_; }

 private:
  struct Parked {
    GroupCall call;
    io::TimePoint until;
    GroupDone done;
    bool waited = false;
  };
  struct Waiting {
    bool forget;
    GroupDone done;
  };

  /// More than an earlier owner with the same epoch, of which this node has forgotten, can have under way.
  static constexpr std::uint64_t kRevisionsOfALife = 1 << 20;

  Group(std::shared_ptr<const Home> home, std::string name, const metadata::GroupInfo& stored)
      : home_(std::move(home)),
        name_(std::move(name)),
        stored_(stored),
        generation_(stored.generation),
        revision_(stored.revision + kRevisionsOfALife) {}
  Offset end_of_topic() const { return home_->records.readable_end(); }
  void on_moved();
  Status usable() const;
  bool more_to_read() const;
  void open_queue(const metadata::QueueInfo& stored, Offset position);
  /// The queue's state as it goes to Raft: with times of the wall clock, which other nodes know, too.
  metadata::QueueInfo stored_queue() const;
  WorkQueue& queue();
  std::int64_t now_ms() const { return home_->loop.now().time_since_epoch() / std::chrono::milliseconds(1); }
  io::TimePoint time_of(std::int64_t ms) const { return io::TimePoint(std::chrono::milliseconds(ms)); }
  void grant(WorkQueue::Run run, Parked one, storage::Batches batches);
  void bury_dead();
  void bury(metadata::QueueFailure dead, const storage::Batches& batches);
  void serve(Parked one);
  void on_read(Parked one, CursorRead read);
  void serve_lease(Parked one);
  void read_for_lease(WorkQueue::Run run, Parked one);
  void park(Parked one);
  void wake_later();
  void answer_empty(GroupDone done) const;
  void await_written(GroupDone done, bool forget = false);
  void answer_written(std::vector<Waiting> waiting, const Status& outcome);

  const std::shared_ptr<const Home> home_;
  const std::string name_;
  std::shared_ptr<SharedCursor> cursor_;
  metadata::GroupInfo stored_;  // as Raft is known to have it
  std::uint64_t generation_;
  std::uint64_t revision_;
  std::list<Parked> parked_;
  std::vector<Waiting> waiting_;  // for the next write
  std::vector<Waiting> writing_;  // for the one under way
  std::unique_ptr<WorkQueue> queue_;
  bool leasing_ = false;      // records are being read for a lease
  std::set<Offset> burying_;  // on their way to the dead-letter topic
  bool waking_ = false;       // wake() is posted
  bool dirty_ = false;
  bool write_under_way_ = false;
  bool frozen_ = false;
  bool ended_ = false;
  bool forgetting_ = false;
  bool forgotten_ = false;
};

}  // namespace walrus::broker
