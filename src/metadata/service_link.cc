#include "metadata/service_link.h"

#include <utility>

namespace walrus::metadata {
namespace {

class OwnClient final : public MetadataClient {
 public:
  OwnClient(ProposalTarget& target, ViewFeed& feed) : target_(target), feed_(feed) {}

  ViewPtr view() const override { return feed_.view(); }
  void propose(Command command, ProposeDone done) override { target_.propose(command, std::move(done)); }
  void barrier(io::Done done) override { target_.barrier(std::move(done)); }
  void wait_for(Version version, io::Duration timeout, io::Done done) override {
    feed_.wait_for(version, timeout, std::move(done));
  }
  Subscription subscribe(std::function<void(const ViewPtr&, const ViewPtr&)> changed) override {
    return feed_.subscribe(std::move(changed));
  }

 private:
  ProposalTarget& target_;
  ViewFeed& feed_;
};

class RemoteClient final : public MetadataClient {
 public:
  RemoteClient(std::shared_ptr<ServiceLink> link, io::Loop& loop)
      : link_(std::move(link)), remote_(std::make_shared<RemoteFeed>(loop)) {
    link_->loop.post([link = link_, remote = remote_] {
      if (link->target != nullptr) link->target->attach(remote);
    });
  }
  ~RemoteClient() override {
    remote_->feed.close();
    link_->loop.post([link = link_, remote = remote_] {
      if (link->target != nullptr) link->target->detach(remote);
    });
  }

  ViewPtr view() const override { return remote_->feed.view(); }

  void propose(Command command, ProposeDone done) override {
    link_->loop.post([link = link_, remote = remote_, command = std::move(command), done = std::move(done)]() mutable {
      auto back = [remote, done = std::move(done)](Result<Applied> result) mutable {
        answer(remote, std::move(done), std::move(result));
      };
      if (link->target == nullptr) return back(fail(ErrorCode::kShuttingDown));
      link->target->propose(command, std::move(back));
    });
  }

  void barrier(io::Done done) override {
    link_->loop.post([link = link_, remote = remote_, done = std::move(done)]() mutable {
      auto back = [remote, done = std::move(done)](Status status) mutable {
        answer(remote, std::move(done), std::move(status));
      };
      if (link->target == nullptr) return back(fail(ErrorCode::kShuttingDown));
      link->target->barrier(std::move(back));
    });
  }

  void wait_for(Version version, io::Duration timeout, io::Done done) override {
    remote_->feed.wait_for(version, timeout, std::move(done));
  }
  Subscription subscribe(std::function<void(const ViewPtr&, const ViewPtr&)> changed) override {
    return remote_->feed.subscribe(std::move(changed));
  }

 private:
  /// Posted behind the views that the answer depends on, which come the same way.
  template <class Done, class Outcome>
  static void answer(const std::shared_ptr<RemoteFeed>& remote, Done done, Outcome outcome) {
    remote->loop.post([remote, done = std::move(done), outcome = std::move(outcome)]() mutable {
      if (!remote->feed.closed()) done(std::move(outcome));
    });
  }

  std::shared_ptr<ServiceLink> link_;
  std::shared_ptr<RemoteFeed> remote_;
};

}  // namespace

std::unique_ptr<MetadataClient> make_own_client(ProposalTarget& target, ViewFeed& feed) {
  return std::make_unique<OwnClient>(target, feed);
}

std::unique_ptr<MetadataClient> make_remote_client(std::shared_ptr<ServiceLink> link, io::Loop& loop) {
  return std::make_unique<RemoteClient>(std::move(link), loop);
}

}  // namespace walrus::metadata
