// What MetadataService is made of: the Raft member and the state machine it drives, the way of proposals, the views,
// the addresses of the other nodes, and the upkeep of the cluster's membership. Internal to the room; the promises are
// those of metadata_service.h.
//
// Three parts: metadata_core.cc, life, state machine and views · metadata_messages.cc, what other nodes send ·
// metadata_upkeep.cc, what has to be looked after: addresses, the cluster's first commands, members.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/cluster_state.h"
#include "metadata/joining.h"
#include "metadata/metadata_service.h"
#include "metadata/proposals.h"
#include "metadata/proposer.h"
#include "metadata/raft_member.h"
#include "metadata/service_link.h"
#include "metadata/snapshot_transfer.h"

namespace walrus::metadata {

class MetadataCore final : public RaftMachine, public RaftHost, public ProposalTarget {
 public:
  MetadataCore(io::Loop& loop, io::Transport& transport, MetadataServiceOptions options);
  ~MetadataCore() override { stop(); }

  Status open(io::Disk& disk);
  void start();
  void stop();
  bool handle(NodeId from, io::Message& message, io::Reply& reply);

  MetadataClient& client() { return *own_client_; }
  std::unique_ptr<MetadataClient> client_for(io::Loop& loop) { return make_remote_client(link_, loop); }
  bool ready() const { return feed_.view()->version() > 0; }
  bool is_leader() const { return member_->leads(); }
  RaftStatus status() const;
  void step_down() { (void)member_->transfer({}); }

  // RaftMachine.
  void apply(std::uint64_t index, std::uint64_t term, std::string_view command) override;
  void skip(std::uint64_t index) override;
  void apply_members(std::uint64_t index, const Members& members) override;
  std::string snapshot() override { return state_.snapshot(); }
  Status restore(std::uint64_t index, std::string_view data, const Members& members) override;

  // RaftHost.
  void send(NodeId to, RaftMessage message) override;
  bool sending_snapshot(NodeId to) override { return snapshot_sender_.sending(to); }
  void settled() override;
  void failed(const Error& error) override;

  // ProposalTarget.
  void propose(const Command& command, ProposeDone done) override { proposer_->propose(command, std::move(done)); }
  void barrier(io::Done done) override { proposer_->barrier(std::move(done)); }
  void attach(std::shared_ptr<RemoteFeed> feed) override;
  void detach(const std::shared_ptr<RemoteFeed>& feed) override { std::erase(feeds_, feed); }

 private:
  Status prepare_directory();
  Status check_cluster_id(const Uuid& found);
  void know_addresses();
  void see_off_departed();
  void know_address(NodeId node, const std::string& address);
  std::optional<UpsertNode> last_known_self();

  void later(void (MetadataCore::*work)());
  void after_settled();
  Status take(std::string command, ProposeDone& done);
  void submit();
  void publish();
  void deliver();
  void make_cluster();
  void announce_self();
  void propose_self();
  void follow_node_table();
  bool caught_up(RaftId member) const;
  void housekeep();

  void on_raft(NodeId from, const io::Message& message, io::Reply& reply);
  void on_propose(io::Message message, io::Reply reply);
  void on_join(const io::Message& message, io::Reply reply);
  void start_joining(std::vector<std::string> addresses);
  void on_joined(const peer::JoinReply& reply);
  void on_removed();
  void refused(const Error& reason);
  bool is_member(NodeId node) const;
  peer::Join self_as_join() const;
  static UpsertNode upsert_of(const peer::Join& join);
  std::optional<NodeId> node_of(RaftId id) const;

  io::Loop& loop_;
  io::Transport& transport_;
  const MetadataServiceOptions options_;
  const RaftId raft_id_;
  bool started_ = false;
  bool stopped_ = false;

  ClusterState state_;
  std::unique_ptr<RaftMember> member_;
  Proposals proposals_;
  ViewFeed feed_;
  std::unique_ptr<Proposer> proposer_;
  std::unique_ptr<MetadataClient> own_client_;
  std::vector<std::shared_ptr<RemoteFeed>> feeds_;
  std::shared_ptr<ServiceLink> link_;

  Members applied_members_;
  std::map<NodeId, std::string> addresses_;
  std::map<NodeId, io::TimePoint> departed_;  // members that were removed, and when
  std::optional<RaftId> last_leader_;
  bool settled_posted_ = false;
  bool submit_posted_ = false;
  bool proposing_self_ = false;
  bool chores_due_ = false;     // what is looked after now and then, and when nodes or members change
  bool cluster_known_ = false;  // and told to on_cluster_id
  SnapshotSender snapshot_sender_;
  SnapshotReceiver snapshot_receiver_;
  std::unique_ptr<Joining> joining_;
  io::Timer housekeeping_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace walrus::metadata
