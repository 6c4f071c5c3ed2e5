// Metadata without Raft: one cluster state, and clients whose views follow it as late as the test wants.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "metadata/cluster_state.h"
#include "metadata/metadata_client.h"
#include "metadata/uuid_bytes.h"

namespace walrus::testing_fakes {

class FakeMetadata;

class FakeMetadataClient : public metadata::MetadataClient {
 public:
  FakeMetadataClient(FakeMetadata& metadata, io::Loop& loop);

  metadata::ViewPtr view() const override { return view_; }
  void propose(metadata::Command command, metadata::ProposeDone done) override;
  void barrier(io::Done done) override;
  void wait_for(metadata::Version version, io::Duration timeout, io::Done done) override;
  Subscription subscribe(std::function<void(const metadata::ViewPtr&, const metadata::ViewPtr&)> changed) override {
    auto watcher = std::make_shared<Changed>(std::move(changed));
    watchers_.push_back(watcher);
    return watcher;
  }

  /// While held back, the view does not follow.
  void hold_back(bool held);
  /// What the next proposals answer instead of being carried out.
  void fail_proposals(std::optional<Error> error) { failing_ = std::move(error); }
  /// The next proposal is carried out, and its answer is this error.
  void lose_next_answer(Error error) { lost_answer_ = std::move(error); }
  /// Runs when the next proposal is under way, before it is carried out.
  void overtake_next(std::function<void()> what) { overtaking_ = std::move(what); }
  std::size_t proposals() const { return proposals_; }

 private:
  friend class FakeMetadata;
  void see(metadata::ViewPtr view);

  using Changed = std::function<void(const metadata::ViewPtr&, const metadata::ViewPtr&)>;
  struct Waiting {
    metadata::Version version;
    std::shared_ptr<io::Done> done;
    io::Timer timer;
  };

  FakeMetadata& metadata_;
  io::Loop& loop_;
  metadata::ViewPtr view_;
  bool held_back_ = false;
  std::optional<Error> failing_;
  std::optional<Error> lost_answer_;
  std::function<void()> overtaking_;
  std::size_t proposals_ = 0;
  std::vector<std::weak_ptr<Changed>> watchers_;
  std::vector<Waiting> waiting_;
};

class FakeMetadata {
 public:
  void add_node(NodeId node) {
    metadata::Command command;
    auto& upsert = *command.mutable_upsert_node();
    upsert.set_node_id(node.value());
    upsert.set_disk_id(metadata::uuid_bytes(Uuid(node.value(), node.value())));
    upsert.set_raft_id(1000 + node.value());
    apply(command);
  }

  metadata::Applied apply(const metadata::Command& command) {
    const metadata::Version index = ++index_;
    Status status = state_.apply(index, command);
    for (FakeMetadataClient* client : clients_) {
      if (!client->held_back_) client->see(state_.view());
    }
    return {.version = index, .status = std::move(status)};
  }

  metadata::ViewPtr view() { return state_.view(); }

 private:
  friend class FakeMetadataClient;
  metadata::ClusterState state_;
  metadata::Version index_ = 0;
  std::vector<FakeMetadataClient*> clients_;
};

inline FakeMetadataClient::FakeMetadataClient(FakeMetadata& metadata, io::Loop& loop)
    : metadata_(metadata), loop_(loop), view_(metadata.view()) {
  metadata.clients_.push_back(this);
}

inline void FakeMetadataClient::propose(metadata::Command command, metadata::ProposeDone done) {
  ++proposals_;
  loop_.post([this, command = std::move(command), done = std::move(done)]() mutable {
    if (failing_) return done(fail(*failing_));
    if (overtaking_) std::exchange(overtaking_, {})();
    metadata::Applied applied = metadata_.apply(command);
    if (lost_answer_) return done(fail(*std::exchange(lost_answer_, {})));
    done(std::move(applied));
  });
}

inline void FakeMetadataClient::barrier(io::Done done) {
  loop_.post([this, done = std::move(done)]() mutable {
    if (failing_) return done(fail(*failing_));
    see(metadata_.view());
    done({});
  });
}

inline void FakeMetadataClient::wait_for(metadata::Version version, io::Duration timeout, io::Done done) {
  auto shared = std::make_shared<io::Done>(std::move(done));
  if (view_->version() >= version) return loop_.post([shared] { (*shared)({}); });
  io::Timer timer = loop_.after(timeout, [shared] {
    if (*shared) std::exchange(*shared, {})(fail(ErrorCode::kTimedOut));
  });
  waiting_.push_back({version, shared, std::move(timer)});
}

inline void FakeMetadataClient::hold_back(bool held) {
  held_back_ = held;
  if (!held) see(metadata_.view());
}

inline void FakeMetadataClient::see(metadata::ViewPtr view) {
  const metadata::ViewPtr before = std::exchange(view_, std::move(view));
  for (const auto& watcher : watchers_) {
    loop_.post([watcher, before, now = view_] {
      if (const auto changed = watcher.lock()) (*changed)(before, now);
    });
  }
  for (Waiting& waiting : waiting_) {
    if (waiting.version > view_->version() || !*waiting.done) continue;
    loop_.post([done = waiting.done] {
      if (*done) std::exchange(*done, {})({});
    });
  }
}

}  // namespace walrus::testing_fakes
