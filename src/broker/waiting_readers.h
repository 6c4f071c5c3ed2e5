// FETCHes that stand at the end of a topic and wait for more: gathered by what they ask for, so that those who wait for
// the same records are answered from one read, and by the time until which they wait. Any number of them costs no timer
// and no question of its own. Pure; one thread.
#pragma once

#include <compare>
#include <cstddef>
#include <list>
#include <map>
#include <vector>

#include "broker/topic_requests.h"
#include "protocol/read_requests.h"

namespace walrus::broker {

/// What a read is about; equal reads have equal answers.
struct ReadSpan {
  Offset from;
  protocol::ReadBounds bounds;
  friend auto operator<=>(const ReadSpan&, const ReadSpan&) = default;
};

/// Readers who want the same, and until when each of them waits for it.
struct Readers {
  struct Reader {
    Waiter waiter;
    io::TimePoint wait_until;
  };
  ReadSpan span;
  std::vector<Reader> readers;
};

class WaitingReaders {
 public:
  void add(const ReadSpan& span, Readers::Reader reader);

  /// Those for whom there is something when the topic ends at `end`, by what they want.
  std::vector<Readers> take_below(Offset end);
  /// All whose time has run out, as one group for each of what they want.
  std::vector<Readers> take_expired(io::TimePoint now);
  std::vector<Readers> take_all();

  bool empty() const { return by_deadline_.empty(); }
  std::size_t size() const { return by_deadline_.size(); }
  /// The smallest offset that somebody waits for. Not empty.
  Offset first() const { return by_span_.begin()->first.from; }
  /// When the first of them gives up. Not empty.
  io::TimePoint first_deadline() const { return by_deadline_.begin()->first; }

 private:
  struct Parked;
  using List = std::list<Parked>;
  struct Place {
    ReadSpan span;
    List::iterator parked;
  };
  using ByDeadline = std::multimap<io::TimePoint, Place>;
  struct Parked {
    Waiter waiter;
    ByDeadline::iterator deadline;
  };
  using BySpan = std::map<ReadSpan, List>;
  BySpan::iterator take(BySpan::iterator at, std::vector<Readers>& taken);

  BySpan by_span_;
  ByDeadline by_deadline_;
};

}  // namespace walrus::broker
