// Who waits for the commit offset of an open segment to move past a point: one entry for each queue of this node and
// for each other node, not for each reader (tail_watch.h gathers those). Loop thread only.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "base/ids.h"
#include "base/result.h"
#include "io/loop.h"

namespace walrus::broker {

/// The commit offset at the call; an error when its leader has ended.
using CommitDone = std::move_only_function<void(Result<Offset> commit)>;

class CommitWaiters {
 public:
  explicit CommitWaiters(io::Loop& loop) : loop_(loop) {}

  /// `done` runs with the commit offset once it lies behind `beyond`, or after `hold`, wherever it is then.
  void add(Offset beyond, io::Duration hold, Offset commit, CommitDone done);
  /// Commit has moved.
  void moved(Offset commit);
  /// Nobody waits here any more: all hear `error`.
  void end(const Error& error);
  bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    Offset beyond;
    io::TimePoint until;
    CommitDone done;
  };
  void arm();
  void expire();

  io::Loop& loop_;
  std::list<Waiting> waiting_;
  Offset commit_;
  io::Timer timer_;
};

}  // namespace walrus::broker
