#include "metadata/view_feed.h"

#include <utility>
#include <vector>

namespace walrus::metadata {

void ViewFeed::accept(ViewPtr now) {
  if (closed_ || now == view_) return;
  const ViewPtr before = std::exchange(view_, std::move(now));
  std::vector<io::Done> due;
  while (!waiters_.empty() && waiters_.begin()->first <= view_->version()) {
    due.push_back(std::move(waiters_.begin()->second.done));
    waiters_.erase(waiters_.begin());
  }
  for (io::Done& done : due) done({});
  const ViewPtr current = view_;  // a callback may bring the next one
  for (auto at = watchers_.begin(); at != watchers_.end();) {
    const std::shared_ptr<Changed> changed = at->lock();
    if (changed == nullptr) {
      at = watchers_.erase(at);
      continue;
    }
    ++at;
    (*changed)(before, current);
  }
}

void ViewFeed::wait_for(Version version, io::Duration timeout, io::Done done) {
  if (closed_) return loop_.post([done = std::move(done)]() mutable { done(fail(ErrorCode::kShuttingDown)); });
  if (view_->version() >= version) return done({});
  const auto waiter = waiters_.emplace(version, Waiter{std::move(done), {}});
  waiter->second.timeout = loop_.after(timeout, [this, waiter] {
    io::Done late = std::move(waiter->second.done);
    waiters_.erase(waiter);
    late(fail(ErrorCode::kTimedOut, "metadata did not get to the version asked for"));
  });
}

MetadataClient::Subscription ViewFeed::subscribe(Changed changed) {
  auto kept = std::make_shared<Changed>(std::move(changed));
  watchers_.push_back(kept);
  return kept;
}

void ViewFeed::fail_waiting(ErrorCode code) {
  auto waiting = std::exchange(waiters_, {});
  for (auto& [version, waiter] : waiting) waiter.done(fail(code));
}

void ViewFeed::close() {
  closed_ = true;
  watchers_.clear();
  waiters_.clear();
}

}  // namespace walrus::metadata
