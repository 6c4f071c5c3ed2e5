// Commits the positions of GET's cursors through Raft, many topics in one proposal: at the latest
// limits::kCursorFlushInterval after a move, and at once on flush(). Nothing runs while no cursor moves.
// Loop thread only.
#pragma once

#include <unordered_map>
#include <vector>

#include "broker/leader_table.h"

namespace walrus::broker {

class CursorFlusher {
 public:
  CursorFlusher(io::Loop& loop, metadata::MetadataClient& metadata, LeaderTable& leaders)
      : loop_(loop), metadata_(metadata), leaders_(leaders) {}

  /// A cursor of this shard may have moved.
  void touch();
  /// Commits every position that is not committed yet, then runs `done` (with the first error, if any).
  void flush(io::Done done);

 private:
  struct Committed {
    Epoch epoch;
    Offset offset;
  };
  /// The next proposal's worth of moved cursors; empty when all are committed.
  metadata::CommitCursors moved_cursors();
  void commit_some();
  void finish(const Status& status);

  io::Loop& loop_;
  metadata::MetadataClient& metadata_;
  LeaderTable& leaders_;
  std::unordered_map<TopicId, Committed> committed_;
  std::vector<io::Done> waiting_;
  io::Timer timer_;
  bool proposing_ = false;
};

}  // namespace walrus::broker
