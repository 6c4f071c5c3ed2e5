#include "broker/cursor_flusher.h"

#include <utility>

namespace walrus::broker {

namespace {
constexpr int kPositionsPerProposal = 1000;  // about 30 KiB, below limits::kMaxCommandBytes
}  // namespace

void CursorFlusher::touch() {
  if (timer_.armed() || proposing_) return;
  timer_ = loop_.after(limits::kCursorFlushInterval, [this] { commit_some(); });
}

void CursorFlusher::flush(io::Done done) {
  waiting_.push_back(std::move(done));
  timer_.cancel();
  if (!proposing_) commit_some();
}

metadata::CommitCursors CursorFlusher::moved_cursors() {
  metadata::CommitCursors commit;
  leaders_.for_each([&](TopicLeader& leader) {
    if (commit.positions_size() == kPositionsPerProposal) return;
    const auto [it, fresh] = committed_.try_emplace(leader.topic(), Committed{leader.epoch(), leader.first_cursor()});
    if (it->second.epoch != leader.epoch()) it->second = {leader.epoch(), leader.first_cursor()};
    if (it->second.offset == leader.cursor()) return;
    auto* position = commit.add_positions();
    position->set_topic_id(leader.topic().value());
    position->set_epoch(leader.epoch().value());
    position->set_offset(leader.cursor().value());
  });
  return commit;
}

void CursorFlusher::commit_some() {
  metadata::Command command;
  metadata::CommitCursors& commit = *command.mutable_commit_cursors();
  commit = moved_cursors();
  if (commit.positions_size() == 0) return finish({});
  proposing_ = true;
  const metadata::CommitCursors sent = commit;
  metadata_.propose(std::move(command), [this, sent](Result<metadata::Applied> applied) {
    proposing_ = false;
    if (!applied) {
      finish(fail(applied.error()));
      return touch();
    }
    for (const auto& position : sent.positions()) {
      committed_[TopicId(position.topic_id())] = {Epoch(position.epoch()), Offset(position.offset())};
    }
    if (sent.positions_size() == kPositionsPerProposal || !waiting_.empty()) return commit_some();
    // What moved meanwhile waits for its own interval.
    touch();
  });
}

void CursorFlusher::finish(const Status& status) {
  for (io::Done& done : std::exchange(waiting_, {})) done(status);
}

}  // namespace walrus::broker
