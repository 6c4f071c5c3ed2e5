// Commands on their way through the Raft leader: those that wait to be handed to Raft, together, and those that are in
// the log and not applied yet. A command's fate is read off the log: applied at its index with its term, it took
// effect; another term there says that it never will.
//
// How it ends: Applied · kUnavailable, surely not carried out (not the leader, or outvoted) · kOutcomeUnknown, when the
// time ran out or the log jumped over it (a snapshot came) while it was in the log. Loop thread only. Nothing is called
// from here: what is decided waits in take_resolved().
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "io/loop.h"
#include "metadata/metadata_client.h"
#include "metadata/raft_member.h"

namespace walrus::metadata {

class Proposals {
 public:
  struct Resolved {
    ProposeDone done;
    Result<Applied> result;
  };

  /// kOverloaded, and `done` is not taken, when too much is waiting.
  Status add(std::string command, ProposeDone& done, io::TimePoint deadline);
  bool any_waiting() const { return !waiting_.empty(); }
  /// Hands what waits to Raft, up to a bound of bytes at a time: one write to disk for all of it.
  void submit(RaftMember& member);

  /// The entry at `index` was applied. For an entry that is not a command, `status` does not matter.
  void applied(std::uint64_t index, std::uint64_t term, Status status);
  /// A snapshot up to `index` took the place of entries.
  void jumped_to(std::uint64_t index);
  void expire(io::TimePoint now);
  /// Those not handed to Raft yet end with `code`, the others with kOutcomeUnknown.
  void end_all(ErrorCode code);

  std::vector<Resolved> take_resolved() { return std::exchange(resolved_, {}); }
  std::size_t size() const { return waiting_.size() + in_log_.size(); }

 private:
  struct Waiting {
    std::string command;
    ProposeDone done;
    io::TimePoint deadline;
  };
  struct InLog {
    std::uint64_t term;
    ProposeDone done;
    io::TimePoint deadline;
    std::size_t bytes;
  };
  void resolve(ProposeDone done, Result<Applied> result, std::size_t bytes);

  std::deque<Waiting> waiting_;
  std::map<std::uint64_t, InLog> in_log_;
  std::size_t bytes_ = 0;
  std::vector<Resolved> resolved_;
};

}  // namespace walrus::metadata
