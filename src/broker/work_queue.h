// A group that hands records out one by one to many workers (docs/adr/0007): which are done, which are with a worker
// and until when, which failed and are due again. Pure: time is passed in, records are read by the caller.
//
// Happy path: next_run() names records that may be given, grant() gives them on lease, ack() when a worker is done.
// Everything before offset() is done. A lease that runs out, or is given up, is a failure: the record comes again after
// the delay, in order of offsets before anything new, until its tries are used up; then dead() names it, to be moved to
// the dead-letter topic by the caller, who acknowledges it.
//
// With settings().in_flight == 1 records are done strictly in order: nothing is given before all before it is done.
//
// What survives the owner is state(): settings, what is done ahead of the offset, failures. Leases are not in it: what
// was with a worker is given again by the next owner. Bounds: limits::kMaxQueueExceptions. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "metadata/groups.h"

namespace walrus::broker {

class WorkQueue {
 public:
  /// Goes on where an earlier owner was.
  WorkQueue(const metadata::QueueInfo& stored, Offset offset);

  const metadata::QueueSettings& settings() const { return settings_; }
  void set_settings(metadata::QueueSettings settings) { settings_ = std::move(settings); }
  Offset offset() const { return offset_; }
  metadata::QueueInfo state() const;

  /// Records one behind the other, below `end`.
  struct Run {
    Offset first;
    std::uint32_t count = 0;
  };
  /// At most `max` records that may be given now; nothing when there are none, or enough are under way.
  std::optional<Run> next_run(std::int64_t now_ms, std::uint32_t max, Offset end) const;
  /// Gives a run that next_run() has named and nothing has touched since; how often each has been given now.
  std::vector<std::uint32_t> grant(Run run, std::int64_t until_ms);

  /// Whether there is room to remember it: what was never given may only be done while not too much is out of order.
  bool can_ack(Offset offset) const;
  /// Done, by whoever says so. False when that was known.
  bool ack(Offset offset);
  /// Not done: it failed. Only what is on lease, with this number of tries (0: any), can fail. False when it cannot.
  bool nack(Offset offset, std::uint32_t tries, std::int64_t due_ms);
  /// The worker needs longer. False when it has no such lease.
  bool extend(Offset offset, std::uint32_t tries, std::int64_t until_ms);
  /// Leases that have run out fail. True when there were any.
  bool expire(std::int64_t now_ms);
  /// Everything starts anew from here.
  void reset(Offset offset);
  /// What lies before is gone.
  void trim(Offset start);

  /// Records whose tries are used up and that nobody has taken care of yet. They stay in state() until they are acked.
  std::vector<metadata::QueueFailure> dead() const;
  /// When, behind `now_ms`, something fails or is due again, if anything does without a call.
  std::optional<std::int64_t> next_event_ms(std::int64_t now_ms) const;
  std::size_t on_lease() const { return leases_.size(); }

 private:
  struct Lease {
    std::int64_t until_ms = 0;
    std::uint32_t tries = 0;
  };
  struct Failure {
    std::int64_t due_ms = 0;
    std::uint32_t tries = 0;
  };
  bool done(Offset offset) const;
  Offset behind_done(Offset offset) const;
  bool dead(const Failure& failure) const { return settings_.max_tries != 0 && failure.tries >= settings_.max_tries; }
  bool may_give(Offset offset, std::int64_t now_ms) const;
  void fail(Offset offset, std::uint32_t tries, std::int64_t due_ms);
  void mark_done(Offset offset);

  metadata::QueueSettings settings_;
  Offset offset_;
  Offset next_;                    // everything before is done, on lease or failed
  std::map<Offset, Offset> done_;  // ranges behind offset_: begin to end
  std::map<Offset, Lease> leases_;
  std::map<Offset, Failure> failures_;
};

}  // namespace walrus::broker
