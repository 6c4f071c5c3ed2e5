// Base of the queues that hold what this node's clients want from one topic until its leader has answered: who waits,
// until when, and when to try again. Loop thread only.
//
// A request is held while the topic has no reachable leader: a roll, a fail-over, a node that starts. It is tried again
// when the view changes and, in case nothing changes, after a short delay; after limits::kHeldRequestTimeout its
// clients get kTimedOut. Only sure noes are tried again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/leader_client.h"
#include "broker/request_sink.h"

namespace walrus::broker {

/// One client request that waits for its answer.
struct Waiter {
  std::shared_ptr<AnswerSink> sink;
  std::uint64_t slot = 0;
  bool wants_offset = false;  ///< of a write: where its first record stands
};

/// Answers every waiter the same and flushes each sink.
void answer_all(const std::vector<Waiter>& waiters, const Answer& answer);
/// OK, with its offset for who wants it: that of the first waiter is `first`, each further one is the next.
void answer_stored(const std::vector<Waiter>& waiters, Offset first);
void answer_error(const std::vector<Waiter>& waiters, const Error& error);

/// True for the errors after which the same request can be sent again without harm.
constexpr bool is_sure_no(ErrorCode code) {
  return code == ErrorCode::kNotLeader || code == ErrorCode::kUnavailable || code == ErrorCode::kOverloaded;
}

class PlaceFinder;
class PutBatchPool;

/// What the queues of a shard share; all outlive them.
struct QueueContext {
  io::Loop& loop;
  metadata::MetadataClient& metadata;
  LeaderClient& leader;
  storage::ShardStore& store;
  TopicReader& reader;
  PlaceFinder& places;
  PutBatchPool& put_batches;
  std::uint64_t segment_entries;
};

/// The requests of one kind for one topic.
class TopicQueue {
 public:
  virtual ~TopicQueue() = default;
  /// The views of `request` are valid only during the call.
  virtual void add(const protocol::Request& request, Waiter waiter) = 0;
  /// Sends what can be sent.
  virtual void pump() = 0;
  /// Something about the topic has changed: try at once what is held.
  virtual void on_change() = 0;
  /// Answers everything that has not been sent with `error`.
  virtual void drop_unsent(const Error& error) = 0;
  /// The same for good: what is under way and would be tried again is answered so, too, when it comes back. Nothing is
  /// added any more, and the queue lives as long as something is under way.
  void end(const Error& error) {
    over_ = error;
    drop_unsent(error);
  }
  /// Nothing waits for an answer.
  virtual bool empty() const = 0;

 protected:
  /// Since end(): its error.
  const std::optional<Error>& over() const { return over_; }

 private:
  std::optional<Error> over_;
};

/// Repeats an action after a delay that doubles, until reset() says that something moved.
class RetryTimer {
 public:
  RetryTimer(io::Loop& loop, std::function<void()> action) : loop_(loop), action_(std::move(action)) {}
  void arm();
  void reset() {
    timer_.cancel();
    delay_ = kFirstDelay;
  }

 private:
  static constexpr io::Duration kFirstDelay = std::chrono::milliseconds(20);
  static constexpr io::Duration kLongestDelay = std::chrono::milliseconds(500);
  io::Loop& loop_;
  std::function<void()> action_;
  io::Duration delay_ = kFirstDelay;
  io::Timer timer_;
};

}  // namespace walrus::broker
