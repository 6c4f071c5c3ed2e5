// A topic on its shard's loop: the chain of its segments, what is on the way into the last one, reads over all of them,
// and everything that changes the chain (roll, trim, retention, removal).
//
// Happy path: take() appends staged batches to the open segment; when they are durable their appenders are told. When
// the open segment is full the topic rolls: what is in flight becomes durable, the catalog says where the next segment
// begins, and only then does it get records, so that the catalog never misses a segment that has any. Segments are
// removed after the catalog has forgotten them; what a crash leaves over the next start removes.
//
// Changes of the chain run one after the other. Appends wait in memory during a roll only.
//
// Failure: when the open segment fails (a write to the log did), what was in flight and behind it fails, and the topic
// rolls to a new segment that begins at the last durable offset. A roll that fails fails the records that wait for it.
//
// Loop thread only, but for `inbox`; destroyed after the loop has come to its end.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "embed/catalog.h"
#include "embed/inbox.h"
#include "io/loop.h"
#include "storage/shard_store.h"

namespace walrus::embed {

/// What the topics of a shard share.
struct TopicHome {
  io::Loop& loop;
  storage::ShardStore& store;
  Inbox& inbox;
  /// Makes a change of the catalog durable; `done` runs on this loop.
  std::function<void(std::vector<catalog::Record>, io::Done done)> record;
  std::uint64_t segment_bytes = 0;
  std::uint64_t segment_records = 0;
  SyncPolicy sync;  ///< of topics that are not given another
  /// Makes all that the log has durable, whatever the policies; `done` runs on this loop.
  std::function<void(io::Done done)> sync_log;
  Ongoing rounds;                     ///< taken, and of whose batches some are not told yet
  std::vector<StagedBatchPtr> taken;  ///< by the log, to be given back to the inbox

  void give_back(StagedBatchPtr batch);
  void finished(StagedBatch& batch, const Status& status);
};

struct TopicNumbers {
  Offset start;
  Offset end;  ///< of what can be read
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;
};

class TopicLog : public std::enable_shared_from_this<TopicLog> {
 public:
  TopicLog(TopicHome& home, TopicId id);

  /// Opens the segments that the catalog names. What is damaged is told in `damage`, and the rest can be used.
  Status open(const Catalog::Topic& known, std::vector<std::string>& damage);

  /// Of what is appended from now on.
  void set_sync(SyncPolicy policy);
  /// Appenders are told when their records are durable; otherwise they are told nothing. Any thread.
  bool waits() const { return waits_.load(std::memory_order_relaxed); }

  void take(StagedBatchPtr batch);
  /// Runs `task` when what was taken is in the log, or has failed; at once where appenders wait for that themselves.
  void when_appended(io::Task task);
  /// Whole batches from the one that holds `from`, up to about `max_bytes`; none at the end.
  void read(Offset from, std::size_t max_bytes, storage::BatchesDone done);
  /// As all other calls, kTopicNotFound once it is removed.
  Result<TopicNumbers> numbers() const;
  /// Of what can be read; nothing when damage hides it.
  std::optional<Offset> known_end() const;

  void seal(io::Done done);
  void trim(Offset before, io::Done done);
  void set_retention(const catalog::Retention& retention, io::Done done);
  Result<catalog::Retention> retention() const {
    if (removed_) return fail(ErrorCode::kTopicNotFound);
    return retention_;
  }
  /// The catalog, then the files. Later calls answer kTopicNotFound.
  void remove(io::Done done);

  TopicInbox inbox;  // guarded by the shard's Inbox

 private:
  struct Part {
    SegmentId id;
    Offset base;
    storage::Segment* segment = nullptr;  // null: could not be opened
    std::int64_t newest_ms = 0;           // when its last record was appended
    std::string trouble;
  };
  struct InFlight {
    Offset end;
    StagedBatchPtr batch;
  };
  using Change = std::move_only_function<void(io::Done)>;

  Part& open_part() { return parts_.back(); }
  Offset end_of(std::size_t part) const;
  Offset visible_end() const;
  /// Of the open segment: what stays when it fails.
  Offset sure_end() const {
    const storage::Segment& segment = *parts_.back().segment;
    return segment.status() ? segment.durable_end() : segment.logged_end();
  }
  /// Not below the start: a crash may have lost, under a weaker policy, what a trim had taken anyway.
  Offset going_on_at(Offset end) const { return std::max(end, start_); }
  std::unexpected<Error> out_of_range(Offset from) const;
  Status open_part_status() const;
  void use_open_part();

  void pump();
  bool must_roll() const;
  void append_held();
  void on_changed();
  void fail_held(const Error& error);
  void tell_appended();
  void fail_all(const Error& error);

  void change(Change what, io::Done done);
  void next_change();
  void roll(io::Done done);
  void seal_and_open_next(io::Done done);
  void open_next(Offset base, io::Done done);
  void start_roll();
  bool all_durable() const;
  void move_start(Offset start, io::Done done);
  void drop_parts(std::size_t count);
  std::size_t parts_before(Offset offset) const;
  static std::uint64_t sure_bytes(const Part& part);
  Offset retained_from() const;
  bool expired(const Part& part) const;
  void apply_retention(io::Done done);
  void watch_clock();
  void remove_segments(io::Done done);

  TopicHome& home_;
  const TopicId id_;
  std::uint64_t generation_ = 0;  // of offsets, as in `inbox`
  SyncPolicy sync_;
  std::atomic<bool> waits_;
  Offset start_;
  catalog::Retention retention_;
  std::vector<Part> parts_;  // never empty once open; the last one is appended to
  std::deque<StagedBatchPtr> held_;
  std::deque<InFlight> in_flight_;
  std::optional<Error> unusable_;  // its end is not known: nothing can be appended
  bool awaiting_slot_ = false;
  bool rolling_ = false;
  bool removed_ = false;
  std::vector<io::Task> when_appended_;
  io::Task when_durable_;  // of the roll that waits for what is in flight

  std::deque<std::pair<Change, io::Done>> changes_;
  bool changing_ = false;
  io::Timer clock_;  // of retention by time
};

}  // namespace walrus::embed
