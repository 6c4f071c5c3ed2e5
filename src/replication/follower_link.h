// The leader's stream to one follower of one segment: every batch once, in order, as fast as the follower takes them.
//
// Happy path: after open() appended() sends what is new, up to a window of bytes; several messages may be under way.
// Each answer says how far the follower is durable, cumulative; on_ack() hears of it.
//
// Failure: after a lost message or a gap nothing is sent until all answers are in; then the follower is asked where it
// stands and the stream goes on from there. A follower that cannot be reached is asked again with a delay that doubles.
// A follower that has promised a higher epoch ends the link for good (on_fenced).
//
// Loop thread only.
#pragma once

#include <functional>
#include <memory>

#include "base/ids.h"
#include "io/transport.h"
#include "storage/segment.h"

namespace walrus::replication {

struct LinkOptions {
  NodeId follower;
  storage::SegmentKey key;
  Offset base;
  Epoch epoch;
  std::uint64_t version = 0;  ///< of the metadata that names the segment's replicas
};

class FollowerLink : public std::enable_shared_from_this<FollowerLink> {
 public:
  struct Events {
    std::function<void(Offset durable_end)> on_ack;
    std::function<void(Epoch promise)> on_fenced;
    /// Read when a message is made: commit travels on it.
    std::function<Offset()> commit;
  };

  /// `segment` is the leader's own copy; it and what `events` refers to live until stop().
  FollowerLink(io::Loop& loop, io::Transport& transport, storage::Segment& segment, LinkOptions options, Events events);

  /// The leader's own promise is durable: batches may leave from now on. One that left before and outlived the leader's
  /// memory of it would stand where its next life puts another one.
  void open();
  /// There may be something new at the end of the segment.
  void appended() { pump(); }
  /// Asks the follower whether it still accepts this epoch, past what is under way. `answered` runs when it says so;
  /// not at all when it cannot be reached or says no (then on_fenced() runs).
  void ask(std::move_only_function<void()> answered);
  void stop();

  NodeId follower() const { return options_.follower; }
  Offset durable_end() const { return durable_end_; }
  /// When the follower was last known to have everything that it was sent; for finding slow ones.
  io::TimePoint last_progress() const { return last_progress_; }

 private:
  void pump();
  /// Sends the batches (or, without any, the question) that begin at `first`.
  void send(Offset first, std::uint64_t previous_hash, const storage::Batches& batches);
  void on_answer(std::size_t bytes, Result<io::Message> reply);
  void go_on_from(Offset end, std::uint64_t hash);
  void restart_stream();

  enum class Mode {
    kHeld,  // nothing is sent before open()
    kStreaming,
    kDraining,  // something went wrong: no more is sent until all answers are in
    kWaiting,   // to ask again
    kAsking,    // where the follower stands
    kStopped,
  };

  io::Loop& loop_;
  io::Transport& transport_;
  storage::Segment& segment_;
  const LinkOptions options_;
  Events events_;
  Mode mode_ = Mode::kHeld;
  Offset next_;                  // first record not sent
  std::uint64_t next_hash_ = 0;  // of the content before it
  Offset durable_end_;
  std::size_t in_flight_ = 0;  // messages
  std::size_t in_flight_bytes_ = 0;
  bool reading_ = false;
  io::Duration delay_;
  io::TimePoint last_progress_;
  io::Timer timer_;
};

}  // namespace walrus::replication
