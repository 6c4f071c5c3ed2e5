// Where threads meet the shard: records are copied into batches under one short lock, get their offsets there, and are
// handed to the shard's loop a round at a time.
//
// Happy path: add() puts records behind those that other threads have put there since the last round, and says whether
// the loop has to be told. The loop takes the round when the log can start a write, so that what arrives during a write
// becomes the next one: group commit without timers and with one lock per append. When every batch of a round has come
// to its end its gate opens, which wakes all who wait with one system call.
//
// Bound: beyond `capacity` bytes that the log has not taken yet, add() waits.
//
// Failure: a batch that cannot be appended takes along everything of its topic that was added behind it (offsets are
// dense); fail_topic() says so, and where offsets go on. Who added those and still waits gets the error; who does not
// (weaker fsync policies) gets it with the next call.
//
// Any thread, but where noted.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "embed/gate.h"
#include "embed/ongoing.h"
#include "storage/record_batch.h"

namespace walrus::embed {

class TopicLog;
using OffsetDone = std::move_only_function<void(Result<Offset>)>;

struct NewRecord {
  std::string_view value;
  std::optional<std::string_view> key;
  std::int64_t timestamp_ms = 0;
};

struct Round;

/// Records of one topic that become one batch of the log.
struct StagedBatch {
  std::shared_ptr<TopicLog> topic;
  struct TopicInbox* inbox = nullptr;  ///< while `topic` is set
  Offset base;
  std::uint64_t generation = 0;  ///< of the topic's offsets; an older one was failed meanwhile
  Round* round = nullptr;
  storage::BatchBuilder builder;  ///< used again with the round
  SharedBytes finished;           ///< what the builder has made, until the log has taken it
  std::size_t bytes = 0;          ///< what it counts for in the inbox
  struct Waiting {
    Offset offset;
    OffsetDone done;
  };
  std::vector<Waiting> callbacks;
  std::optional<Error> error;  ///< written by the loop before the gate opens
};

struct Round {
  StagedBatch& fresh_batch();
  std::span<const std::unique_ptr<StagedBatch>> batches() const { return std::span(all).first(used); }

  std::vector<std::unique_ptr<StagedBatch>> all;  // stay put: topics and threads point to them
  std::size_t used = 0;
  std::size_t unfinished = 0;  ///< batches that are not told yet; loop thread
  Ongoing::Mark mark = 0;      ///< loop thread
  Gate done;
};
using RoundPtr = std::shared_ptr<Round>;

/// Rounds that are over, with the memory of their batches: callers of small appends allocate next to nothing under the
/// inbox's lock, and what they write to is in the processor's cache. Any thread; lives as long as its rounds.
class RoundPool : public std::enable_shared_from_this<RoundPool> {
 public:
  RoundPtr take();

 private:
  void give_back(std::unique_ptr<Round> round);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Round>> idle_;
};

/// Keeps its round.
using StagedBatchPtr = std::shared_ptr<StagedBatch>;

/// A topic's part of the inbox; guarded by the inbox's lock.
struct TopicInbox {
  Offset next;
  std::uint64_t generation = 0;
  StagedBatch* filling = nullptr;
  std::size_t usual_bytes = 0;  ///< of a batch lately: the next begins with room for as much
  std::optional<Error> closed;  ///< removed: why nothing is added
  std::optional<Error> lost;    ///< of records whose appenders did not wait
  /// Where offsets went on when such records were lost; an older one only while it is below the later ones.
  struct Rewind {
    std::uint64_t generation = 0;
    Offset to;
  };
  std::vector<Rewind> rewinds;
};

class Inbox {
 public:
  explicit Inbox(std::size_t capacity) : capacity_(capacity) {}

  enum class Tell : std::uint8_t { kNothing, kSoon, kNow };
  struct Added {
    Offset offset;
    RoundPtr round;
    StagedBatch* batch = nullptr;
    Tell tell = Tell::kNothing;
  };
  /// `urgent`: somebody waits for the log; otherwise the loop may gather for a while. At least one record.
  Result<Added> add(const std::shared_ptr<TopicLog>& topic, TopicInbox& inbox, std::span<const NewRecord> records,
                    bool urgent, OffsetDone done = {});

  /// Everything added so far; null when that is nothing. Loop thread.
  RoundPtr take();
  /// The log has taken these, or they have failed: there is room for others. Loop thread.
  void give_back(std::span<const StagedBatchPtr> batches);

  /// What is staged of the topic fails when the loop meets it; offsets go on at `next`. `lost` is told to the next
  /// caller of add() or take_lost(). Loop thread.
  void fail_topic(TopicInbox& inbox, Offset next, const std::optional<Error>& lost);
  std::optional<Error> take_lost(TopicInbox& inbox);
  /// Where a reader goes on that stood at `position` in the generation `seen`, which is set to the present one.
  Offset rewound(const TopicInbox& inbox, std::uint64_t& seen, Offset position);

  /// Nothing is added any more; empty: again.
  void close_topic(TopicInbox& inbox, std::optional<Error> why);
  void close();

 private:
  StagedBatch& batch_for(const std::shared_ptr<TopicLog>& topic, TopicInbox& inbox, std::size_t bytes);

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable room_;
  const std::shared_ptr<RoundPool> pool_ = std::make_shared<RoundPool>();
  RoundPtr filling_;
  std::size_t bytes_ = 0;
  std::size_t waiting_for_room_ = 0;
  Tell told_ = Tell::kNothing;
  bool closed_ = false;
};

}  // namespace walrus::embed
