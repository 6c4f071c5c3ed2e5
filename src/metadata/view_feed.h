// The current View as one loop sees it, with those who watch it and those who wait for a version.
// Loop thread only; callbacks run on it.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>

#include "io/file.h"
#include "io/loop.h"
#include "metadata/metadata_client.h"
#include "metadata/view.h"

namespace walrus::metadata {

class ViewFeed {
 public:
  explicit ViewFeed(io::Loop& loop) : loop_(loop), view_(View::empty()) {}

  const ViewPtr& view() const { return view_; }
  /// Becomes view() before anybody is called: first those who wait, then those who watch.
  void accept(ViewPtr now);

  /// As MetadataClient's.
  void wait_for(Version version, io::Duration timeout, io::Done done);
  MetadataClient::Subscription subscribe(std::function<void(const ViewPtr& before, const ViewPtr& now)> changed);

  /// Whoever waits gets this.
  void fail_waiting(ErrorCode code);
  /// Nobody is called any more.
  void close();
  bool closed() const { return closed_; }

 private:
  using Changed = std::function<void(const ViewPtr&, const ViewPtr&)>;
  struct Waiter {
    io::Done done;
    io::Timer timeout;
  };

  io::Loop& loop_;
  ViewPtr view_;
  std::multimap<Version, Waiter> waiters_;
  std::list<std::weak_ptr<Changed>> watchers_;
  bool closed_ = false;
};

}  // namespace walrus::metadata
