// Carries this node's commands to the Raft leader, wherever it is: into our own log when that is us, else by a PROPOSE
// call; and tries again for as long as the command is surely not carried out, at most limits::kCallTimeout.
//
// Done when the command is applied and visible here. How it fails: kUnavailable, kOutcomeUnknown, kRaftNotInitialized
// (no leader has been heard of since the start), kOverloaded, kTooLarge, kShuttingDown. Loop thread only; `done` is
// never called before propose() returns.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "io/transport.h"
#include "metadata/metadata_client.h"
#include "metadata/raft_member.h"
#include "metadata/view_feed.h"

namespace walrus::metadata {

class Proposer {
 public:
  /// Takes a command on its way into our own log, as Proposals::add() does.
  using Take = std::function<Status(std::string command, ProposeDone& done)>;

  Proposer(io::Loop& loop, io::Transport& transport, RaftMember& member, ViewFeed& feed, Take take);

  /// Waits for the first view before anything else: until then the cluster may not have an id, nor a node.
  void propose(const Command& command, ProposeDone done);
  /// For the first commands of a cluster, which make that view possible.
  void propose_before_ready(const Command& command, ProposeDone done);
  /// A committed no-op; all who ask while one is on its way share the next one.
  void barrier(io::Done done);

  /// The leader may be another one by now: what waits for one is tried again.
  void leader_changed();
  /// What waits ends with kShuttingDown, what is on its way to another node with kOutcomeUnknown.
  void stop();

 private:
  struct Attempt {
    std::string command;
    ProposeDone done;
    io::TimePoint deadline;
    bool before_ready;
  };
  using AttemptPtr = std::shared_ptr<Attempt>;

  void start(const Command& command, ProposeDone done, bool before_ready);
  void route(AttemptPtr attempt);
  void propose_here(AttemptPtr attempt);
  void forward(AttemptPtr attempt, NodeId leader);
  void on_reply(AttemptPtr attempt, const io::Message& reply);
  void try_again_later(AttemptPtr attempt);
  void retry_waiting();
  void finish(const AttemptPtr& attempt, Result<Applied> result);
  void start_barrier();

  io::Loop& loop_;
  io::Transport& transport_;
  RaftMember& member_;
  ViewFeed& feed_;
  const Take take_;
  std::vector<AttemptPtr> waiting_;           // for a leader
  std::unordered_set<AttemptPtr> forwarded_;  // to another node
  io::Timer retry_;
  std::size_t attempts_ = 0;
  std::size_t bytes_ = 0;
  std::vector<io::Done> next_barrier_;
  bool barrier_under_way_ = false;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // replies may come after the end
};

}  // namespace walrus::metadata
