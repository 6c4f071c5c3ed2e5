#include "broker/commit_waiters.h"

#include <algorithm>
#include <utility>

namespace walrus::broker {

void CommitWaiters::add(Offset beyond, io::Duration hold, Offset commit, CommitDone done) {
  commit_ = commit;
  if (commit > beyond) return done(commit);
  waiting_.push_back({.beyond = beyond, .until = loop_.now() + hold, .done = std::move(done)});
  arm();
}

void CommitWaiters::moved(Offset commit) {
  commit_ = commit;
  if (waiting_.empty()) return;
  std::list<Waiting> due;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const auto next = std::next(at);
    if (at->beyond < commit) due.splice(due.end(), waiting_, at);
    at = next;
  }
  for (Waiting& waiting : due) waiting.done(commit);
}

void CommitWaiters::end(const Error& error) {
  timer_.cancel();
  for (Waiting& waiting : std::exchange(waiting_, {})) waiting.done(fail(error));
}

void CommitWaiters::arm() {
  if (timer_.armed() || waiting_.empty()) return;
  const io::TimePoint first = std::ranges::min_element(waiting_, {}, &Waiting::until)->until;
  timer_ = loop_.after(std::max(first - loop_.now(), io::Duration(0)), [this] { expire(); });
}

void CommitWaiters::expire() {
  const io::TimePoint now = loop_.now();
  std::list<Waiting> due;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const auto next = std::next(at);
    if (at->until <= now) due.splice(due.end(), waiting_, at);
    at = next;
  }
  arm();
  for (Waiting& waiting : due) waiting.done(commit_);
}

}  // namespace walrus::broker
