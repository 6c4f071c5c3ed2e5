// Tells Raft where groups of readers stand, many of them in one proposal, one proposal at a time: what changes while
// one is under way goes with the next, so that explicit commits are coalesced by the disk's own pace. A position that a
// read moved follows at the latest limits::kCursorFlushInterval later. Nothing runs while nothing changes.
//
// Failure: a proposal that failed, or whose fate is not known, is made anew with what is true then; revisions keep an
// older one that comes late from taking effect. Loop thread only.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "broker/group.h"
#include "metadata/metadata_client.h"

namespace walrus::broker {

class CursorFlusher {
 public:
  CursorFlusher(io::Loop& loop, metadata::MetadataClient& metadata) : loop_(loop), metadata_(metadata) {}

  /// The group has something that Raft does not know.
  void touch(const std::shared_ptr<Group>& group, Group::Urgency urgency);
  /// `done` runs when Raft knows everything that was touched before, or with the first error.
  void flush(io::Done done);

 private:
  struct Flush {
    std::uint64_t line_end;  // everybody who stood in line then is done
    io::Done done;
  };
  using Batch = std::vector<std::shared_ptr<Group>>;

  void hurry();
  void commit_some();
  Batch take_batch(metadata::CommitCursors& commit);
  void on_applied(const Batch& batch, const Result<metadata::Applied>& applied);
  void finish_flushes(const Status& status);

  io::Loop& loop_;
  metadata::MetadataClient& metadata_;
  std::deque<std::shared_ptr<Group>> line_;
  std::uint64_t left_line_ = 0;  // groups that have gone through it
  std::vector<Flush> flushes_;
  io::Timer timer_;
  bool proposing_ = false;
  bool hurrying_ = false;
};

}  // namespace walrus::broker
