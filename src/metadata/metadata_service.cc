#include "metadata/metadata_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/message.h"
#include "metadata/cluster_state.h"
#include "metadata/joining.h"
#include "metadata/membership.h"
#include "metadata/proposals.h"
#include "metadata/proposer.h"
#include "metadata/raft_member.h"
#include "metadata/service_link.h"
#include "metadata/snapshot_transfer.h"
#include "metadata/uuid_bytes.h"
#include "peer.pb.h"

namespace walrus::metadata {
namespace {

constexpr std::chrono::milliseconds kHousekeepingInterval{100};
constexpr std::chrono::seconds kFarewell{5};

/// Raft ids are never reused: a new disk is a new member.
RaftId raft_id_of(const Uuid& disk) {
  const std::uint64_t mixed = disk.low() ^ (disk.high() * 0x9e3779b97f4a7c15u);
  return RaftId(mixed == 0 ? 1 : mixed);
}

UpsertNode upsert_of(const peer::Join& join) {
  UpsertNode upsert;
  upsert.set_node_id(join.node_id());
  upsert.set_disk_id(join.disk_id());
  upsert.set_raft_id(join.raft_id());
  upsert.set_peer_address(join.peer_address());
  upsert.set_client_address(join.client_address());
  return upsert;
}

}  // namespace

class MetadataService::Impl final : public RaftMachine, public RaftHost, public ProposalTarget {
 public:
  Impl(io::Loop& loop, io::Transport& transport, MetadataServiceOptions options);
  ~Impl() override { stop(); }

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

  // RaftMachine
  void apply(std::uint64_t index, std::uint64_t term, std::string_view command) override;
  void skip(std::uint64_t index) override;
  void apply_members(std::uint64_t index, const Members& members) override;
  std::string snapshot() override { return state_.snapshot(); }
  Status restore(std::uint64_t index, std::string_view data, const Members& members) override;

  // RaftHost
  void send(NodeId to, RaftMessage message) override;
  bool sending_snapshot(NodeId to) override { return snapshot_sender_.sending(to); }
  void settled() override;
  void failed(const Error& error) override;

  // ProposalTarget
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

  void later(void (Impl::*work)());
  void after_settled();
  void submit();
  void publish();
  void deliver();
  void found_cluster();
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
  std::map<NodeId, io::TimePoint> departed_;  // removed members, until when they are told
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

MetadataService::Impl::Impl(io::Loop& loop, io::Transport& transport, MetadataServiceOptions options)
    : loop_(loop),
      transport_(transport),
      options_(std::move(options)),
      raft_id_(raft_id_of(options_.disk_id)),
      feed_(loop),
      link_(std::make_shared<ServiceLink>(loop)),
      cluster_known_(options_.cluster_id.has_value()),
      snapshot_sender_(transport) {
  link_->target = this;
  own_client_ = make_own_client(*this, feed_);
}

// Opening.

Status MetadataService::Impl::open(io::Disk& disk) {
  WALRUS_ASSERT(options_.node_id != NodeId() && !options_.disk_id.is_nil());
  WALRUS_ASSIGN(
      member_,
      RaftMember::open(loop_, disk, *this, *this,
                       {.id = raft_id_,
                        .node_id = options_.node_id,
                        .directory = options_.directory,
                        .timing = {.election_timeout = options_.election_timeout, .heartbeat = options_.heartbeat}}));
  WALRUS_TRY(prepare_directory());
  proposer_ = std::make_unique<Proposer>(loop_, transport_, *member_, proposals_, feed_, [this] {
    if (!std::exchange(submit_posted_, true)) later(&Impl::submit);
  });
  know_addresses();
  return {};
}

Status MetadataService::Impl::prepare_directory() {
  const auto found = member_->found();
  if (found == RaftMember::Found::kMember) return {};
  if (found == RaftMember::Found::kUnused && options_.cluster_id) {
    return fail(ErrorCode::kIdentityRefused,
                fmt::format("{} is empty, but this node is part of a cluster: it may have voted. Remove the node from "
                            "the cluster and add it with an empty data directory",
                            options_.directory));
  }
  if (found == RaftMember::Found::kUnused && !options_.join.empty()) return member_->prepare_to_join();
  if (found == RaftMember::Found::kJoining) {
    if (!options_.join.empty()) return {};
    return fail(ErrorCode::kInvalidArgument, "this node has begun to join a cluster: start it with --join again");
  }
  return member_->bootstrap({{raft_id_, options_.node_id, options_.peer_address, MemberRole::kVoter}});
}

void MetadataService::Impl::know_address(NodeId node, const std::string& address) {
  if (node == options_.node_id || address.empty()) return;
  std::string& known = addresses_[node];
  if (std::exchange(known, address) != address) transport_.set_address(node, address);
}

/// From the weakest source to the strongest: where members were when they joined, what the log says (committed or not,
/// as a hint that lets us find each other), the applied node table.
void MetadataService::Impl::know_addresses() {
  const bool from_log = !member_->ready();
  std::map<NodeId, std::string> found;
  for (const Member& member : member_->members()) found[member.node_id] = member.address;
  for (const auto& [id, node] : state_.view()->nodes()) {
    if (node.state != NodeState::kRemoved || node.member) found[id] = node.peer_address;
  }
  if (from_log) {
    for (const std::string_view bytes : member_->commands_in_log()) {
      Command command;
      if (!command.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !command.has_upsert_node()) continue;
      found[NodeId(command.upsert_node().node_id())] = command.upsert_node().peer_address();
    }
  }
  for (const auto& [id, address] : found) know_address(id, address);
}

/// Raft does not tell a member that it was removed, so the leader does, for a while.
void MetadataService::Impl::see_off_departed() {
  for (auto at = departed_.begin(); at != departed_.end();) {
    const auto& [node, until] = *at;
    const NodeInfo* info = state_.view()->find_node(node);
    const bool came_back = is_member(node) || (info != nullptr && info->state != NodeState::kRemoved);
    const bool over = came_back || loop_.now() >= until;
    if (!over && member_->leads()) transport_.send(node, {.type = peer::REMOVED, .header = {}, .body = {}});
    if (!came_back && over && addresses_.erase(node) > 0) transport_.forget(node);
    at = over ? departed_.erase(at) : std::next(at);
  }
}

/// What the log or the state says about this node; empty when nothing does.
std::optional<UpsertNode> MetadataService::Impl::last_known_self() {
  std::optional<UpsertNode> last;
  if (const NodeInfo* self = state_.view()->find_node(options_.node_id)) {
    last.emplace();
    last->set_peer_address(self->peer_address);
    last->set_client_address(self->client_address);
  }
  for (const std::string_view bytes : member_->commands_in_log()) {
    Command command;
    if (!command.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !command.has_upsert_node()) continue;
    if (command.upsert_node().node_id() == options_.node_id.value()) last = command.upsert_node();
  }
  return last;
}

void MetadataService::Impl::start() {
  WALRUS_ASSERT(loop_.in_thread() && !started_ && !stopped_);
  started_ = true;
  const auto found = member_->found();
  const auto known = last_known_self();
  member_->start();
  std::vector<std::string> to_call = options_.join;
  const bool moved = known && known->peer_address() != options_.peer_address;
  if (moved) {
    for (const auto& [node, address] : addresses_) to_call.push_back(address);
  }
  if ((found == RaftMember::Found::kJoining || moved) && !to_call.empty()) start_joining(std::move(to_call));
  housekeep();
}

void MetadataService::Impl::stop() {
  if (stopped_) return;
  stopped_ = true;
  housekeeping_.cancel();
  joining_.reset();
  link_->target = nullptr;
  if (member_) member_->stop();
  proposals_.end_all(ErrorCode::kShuttingDown);
  if (proposer_) proposer_->stop();
  deliver();
  feed_.fail_waiting(ErrorCode::kShuttingDown);
  feeds_.clear();
  alive_.reset();
}

// The state machine.

void MetadataService::Impl::apply(std::uint64_t index, std::uint64_t term, std::string_view bytes) {
  Command command;
  if (!command.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) command.Clear();
  proposals_.applied(index, term, state_.apply(index, command));
}

void MetadataService::Impl::skip(std::uint64_t index) {
  state_.advance(index);
  proposals_.applied(index, 0, {});
}

void MetadataService::Impl::apply_members(std::uint64_t index, const Members& members) {
  skip(index);
  for (const Member& before : applied_members_) {
    if (find_member(members, before.raft_id) == nullptr) departed_[before.node_id] = loop_.now() + kFarewell;
  }
  applied_members_ = members;
  state_.set_members(members);
  chores_due_ = true;
}

Status MetadataService::Impl::restore(std::uint64_t index, std::string_view data, const Members& members) {
  if (auto status = state_.restore(data); !status) {
    return fail(status.error().code, options_.directory + ": " + status.error().detail);
  }
  if (state_.version() > index) return fail(ErrorCode::kCorrupt, options_.directory + ": snapshot of a later index");
  proposals_.jumped_to(index);
  if (state_.version() < index) state_.advance(index);
  applied_members_ = members;
  state_.set_members(members);
  return {};
}

// Around the member.

void MetadataService::Impl::send(NodeId to, RaftMessage message) {
  if (message.type == RaftMessage::Type::kInstallSnapshot) {
    snapshot_sender_.send(to, std::move(message));
  } else {
    transport_.send(to, encode_message(message));
  }
}

void MetadataService::Impl::later(void (Impl::*work)()) {
  loop_.post([this, work, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) (this->*work)();
  });
}

void MetadataService::Impl::settled() {
  if (!stopped_ && !std::exchange(settled_posted_, true)) later(&Impl::after_settled);
}

void MetadataService::Impl::after_settled() {
  settled_posted_ = false;
  publish();
  deliver();
  if (stopped_) return;
  if (member_->leader() != last_leader_) {
    last_leader_ = member_->leader();
    chores_due_ = true;
    proposer_->leader_changed();
  }
  if (!std::exchange(chores_due_, false)) return;
  know_addresses();
  see_off_departed();
  make_cluster();
  follow_node_table();
  announce_self();
}

void MetadataService::Impl::submit() {
  submit_posted_ = false;
  proposals_.submit(*member_);
  if (proposals_.any_waiting() && !std::exchange(submit_posted_, true)) later(&Impl::submit);
  settled();
}

void MetadataService::Impl::publish() {
  if (!member_->ready()) return;
  const ViewPtr view = state_.view();
  if (view == feed_.view() || view->cluster_id().is_nil()) return;
  if (auto status = check_cluster_id(view->cluster_id()); !status) return refused(status.error());
  if (&view->nodes() != &feed_.view()->nodes()) chores_due_ = true;
  for (const auto& remote : feeds_) {
    remote->loop.post([remote, view] { remote->feed.accept(view); });
  }
  feed_.accept(view);
}

void MetadataService::Impl::deliver() {
  for (Proposals::Resolved& resolved : proposals_.take_resolved()) resolved.done(std::move(resolved.result));
}

void MetadataService::Impl::attach(std::shared_ptr<RemoteFeed> feed) {
  feeds_.push_back(feed);
  feed->loop.post([feed, view = feed_.view()] { feed->feed.accept(view); });
}

Status MetadataService::Impl::check_cluster_id(const Uuid& found) {
  if (options_.cluster_id && *options_.cluster_id != found) {
    return fail(
        ErrorCode::kIdentityRefused,
        fmt::format("the directory is of cluster {}, the metadata in it of cluster {}", *options_.cluster_id, found));
  }
  if (!std::exchange(cluster_known_, true) && options_.on_cluster_id) options_.on_cluster_id(found);
  return {};
}

/// The first leader of a new cluster gives it its id and enters itself, both in one step of the log.
void MetadataService::Impl::make_cluster() {
  if (!member_->leads() || !member_->ready() || proposing_self_ || !state_.view()->cluster_id().is_nil()) return;
  proposing_self_ = true;
  Command init;
  init.mutable_init_cluster()->set_cluster_id(
      uuid_bytes(options_.cluster_id.value_or(Uuid(loop_.random(), loop_.random()))));
  propose(init, [](Result<Applied>) {});
  propose_self();
}

/// The node table has this node, where it is now.
void MetadataService::Impl::announce_self() {
  if (!member_->ready() || proposing_self_ || joining_) return;
  const ViewPtr view = feed_.view();
  if (view->cluster_id().is_nil()) return;
  const NodeInfo* self = view->find_node(options_.node_id);
  if (self != nullptr && self->peer_address == options_.peer_address &&
      self->client_address == options_.client_address) {
    return;
  }
  propose_self();
}

void MetadataService::Impl::propose_self() {
  proposing_self_ = true;
  Command command;
  *command.mutable_upsert_node() = upsert_of(self_as_join());
  propose(command, [this](Result<Applied> result) {
    proposing_self_ = false;
    if (result && !result->status && result->status.error().code == ErrorCode::kIdentityRefused) {
      refused(result->status.error());
    }
  });
}

bool MetadataService::Impl::caught_up(RaftId member) const {
  const auto heard = member_->heard(member);
  const bool answers = heard && loop_.now() - *heard < options_.election_timeout;
  return answers && member_->match_index(member).value_or(0) + kPromotionLag >= member_->last_index();
}

void MetadataService::Impl::follow_node_table() {
  if (!member_->leads() || !member_->ready() || !member_->can_change_members()) return;
  MembershipStep step = next_membership_step(member_->members(), state_.view()->nodes(), raft_id_,
                                             [this](RaftId member) { return caught_up(member); });
  if (step.kind == MembershipStep::Kind::kHandOver) {
    (void)member_->transfer({});
  } else if (step.kind == MembershipStep::Kind::kChange) {
    log::info("raft: {} members, {} of them voters", step.members.size(), count_voters(step.members));
    if (auto status = member_->change_members(step.members); !status) {
      log::warn("raft: the members were not changed: {}", status.error().message());
    }
  }
}

void MetadataService::Impl::housekeep() {
  proposals_.expire(loop_.now());
  chores_due_ = true;
  settled();
  housekeeping_ = loop_.after(kHousekeepingInterval, [this] { housekeep(); });
}

void MetadataService::Impl::refused(const Error& reason) {
  log::error("this node is refused: {}", reason.message());
  if (!options_.on_refused) fatal(ExitCode::kIdentity, reason.message());
  options_.on_refused(reason);
}

void MetadataService::Impl::failed(const Error& error) {
  log::error("metadata has stopped: {}", error.message());
  if (!options_.on_failed) {
    fatal(error.code == ErrorCode::kCorrupt ? ExitCode::kCorrupt : ExitCode::kStorage, error.message());
  }
  options_.on_failed(error);
}

// Messages.

bool MetadataService::Impl::handle(NodeId from, io::Message& message, io::Reply& reply) {
  switch (message.type) {
    case peer::RAFT:
      on_raft(from, message, reply);
      return true;
    case peer::PROPOSE:
      if (reply) on_propose(std::move(message), std::move(reply));
      return true;
    case peer::JOIN:
      if (reply) on_join(message, std::move(reply));
      return true;
    case peer::REMOVED:
      if (started_ && !stopped_ && is_member(from)) on_removed();
      return true;
    default:
      return false;
  }
}

bool MetadataService::Impl::is_member(NodeId node) const {
  return std::ranges::any_of(member_->members(), [&](const Member& member) { return member.node_id == node; });
}

void MetadataService::Impl::on_removed() {
  refused({ErrorCode::kIdentityRefused, fmt::format("node {} was removed from the cluster", options_.node_id)});
}

void MetadataService::Impl::on_raft(NodeId from, const io::Message& message, io::Reply& reply) {
  auto decoded = decode_message(message);
  if (!decoded) {
    log::warn("raft: from node {}: {}", from, decoded.error().message());
    if (reply) reply(fail(decoded.error()));
    return;
  }
  if (!started_ || stopped_) {
    if (reply) reply(fail(ErrorCode::kUnavailable));
    return;
  }
  if (decoded->type == RaftMessage::Type::kInstallSnapshot) {
    auto whole = snapshot_receiver_.take(std::move(*decoded));
    if (reply)
      reply(whole ? Result<io::Message>(io::make_message(peer::RAFT_REPLY, peer::RaftReply())) : fail(whole.error()));
    if (whole && *whole) member_->receive(from, std::move(**whole));
    return;
  }
  member_->receive(from, std::move(*decoded));
}

void MetadataService::Impl::on_propose(io::Message message, io::Reply reply) {
  if (!started_ || stopped_ || !member_->leads()) {
    peer::ProposeReply answer;
    answer.set_error(static_cast<std::uint32_t>(ErrorCode::kNotLeader));
    if (const auto leader = member_->leader()) answer.set_leader(node_of(*leader).value_or(NodeId()).value());
    return reply(io::make_message(peer::PROPOSE_REPLY, answer));
  }
  auto shared = std::make_shared<io::Reply>(std::move(reply));
  ProposeDone done = [shared](Result<Applied> result) {
    if (!result) return (*shared)(fail(result.error()));
    peer::ProposeReply answer;
    answer.set_version(result->version);
    if (!result->status) {
      answer.set_error(static_cast<std::uint32_t>(result->status.error().code));
      answer.set_detail(result->status.error().detail);
    }
    (*shared)(io::make_message(peer::PROPOSE_REPLY, answer));
  };
  if (message.body.size() > limits::kMaxCommandBytes) return (*shared)(fail(ErrorCode::kTooLarge));
  auto status = proposals_.add(std::string(message.body.view()), done, loop_.now() + limits::kCallTimeout);
  if (!status) return (*shared)(fail(status.error()));
  if (!std::exchange(submit_posted_, true)) later(&Impl::submit);
}

void MetadataService::Impl::on_join(const io::Message& message, io::Reply reply) {
  const auto join = io::parse_header<peer::Join>(message, peer::JOIN);
  if (!join) return reply(fail(join.error()));
  if (!started_ || stopped_ || !member_->ready() || feed_.view()->cluster_id().is_nil()) {
    return reply(fail(ErrorCode::kRaftNotInitialized));
  }
  Command command;
  *command.mutable_upsert_node() = upsert_of(*join);
  propose(command, [this, reply = std::move(reply)](Result<Applied> result) mutable {
    if (result && !result->status) return reply(fail(result->status.error()));
    if (!result) return reply(fail(result.error()));
    peer::JoinReply answer;
    answer.set_cluster_id(uuid_bytes(feed_.view()->cluster_id()));
    for (const auto& [id, node] : feed_.view()->nodes()) {
      if (node.state == NodeState::kRemoved) continue;
      auto& listed = *answer.add_nodes();
      listed.set_node_id(id.value());
      listed.set_peer_address(node.peer_address);
    }
    reply(io::make_message(peer::JOIN_REPLY, answer));
  });
}

void MetadataService::Impl::start_joining(std::vector<std::string> addresses) {
  joining_ =
      std::make_unique<Joining>(loop_, transport_, std::move(addresses), self_as_join(),
                                Joining::Callbacks{.joined = [this](const peer::JoinReply& reply) { on_joined(reply); },
                                                   .refused = [this](const Error& reason) { refused(reason); }});
  joining_->start();
}

void MetadataService::Impl::on_joined(const peer::JoinReply& reply) {
  const Uuid cluster = uuid_from_bytes(reply.cluster_id());
  if (auto status = check_cluster_id(cluster); !status) return refused(status.error());
  for (const auto& node : reply.nodes()) know_address(NodeId(node.node_id()), node.peer_address());
  log::info("taken into cluster {}", cluster);
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) joining_.reset();
  });
}

peer::Join MetadataService::Impl::self_as_join() const {
  peer::Join self;
  self.set_node_id(options_.node_id.value());
  self.set_disk_id(uuid_bytes(options_.disk_id));
  self.set_raft_id(raft_id_.value());
  self.set_peer_address(options_.peer_address);
  self.set_client_address(options_.client_address);
  return self;
}

std::optional<NodeId> MetadataService::Impl::node_of(RaftId id) const {
  return id == raft_id_ ? options_.node_id : member_->node_of(id);
}

RaftStatus MetadataService::Impl::status() const {
  const RaftVote vote = member_->vote();
  RaftStatus status{.node_id = options_.node_id,
                    .state = member_->state(),
                    .current_term = vote.term,
                    .commit_index = member_->commit_index(),
                    .last_applied = member_->applied_index(),
                    .leader_id = std::nullopt,
                    .voted_for = std::nullopt,
                    .log_length = member_->log_length(),
                    .cluster_size = member_->members().size(),
                    .peers = {}};
  if (const auto leader = member_->leader()) status.leader_id = node_of(*leader);
  if (vote.voted_for != RaftId()) status.voted_for = node_of(vote.voted_for);
  if (!member_->leads()) return status;
  for (const Member& member : member_->members()) {
    if (member.raft_id == raft_id_) continue;
    status.peers.push_back({.node_id = member.node_id,
                            .match_index = member_->match_index(member.raft_id).value_or(0),
                            .next_index = std::nullopt});
  }
  return status;
}

// The public face.

MetadataService::MetadataService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetadataService::~MetadataService() = default;

Result<std::unique_ptr<MetadataService>> MetadataService::open(io::Loop& loop, io::Disk& disk, io::Transport& transport,
                                                               MetadataServiceOptions options) {
  auto impl = std::make_unique<Impl>(loop, transport, std::move(options));
  WALRUS_TRY(impl->open(disk));
  return std::unique_ptr<MetadataService>(new MetadataService(std::move(impl)));
}

void MetadataService::start() { impl_->start(); }
void MetadataService::stop() { impl_->stop(); }
bool MetadataService::handle(NodeId from, io::Message& message, io::Reply& reply) {
  return impl_->handle(from, message, reply);
}
MetadataClient& MetadataService::client() { return impl_->client(); }
std::unique_ptr<MetadataClient> MetadataService::client_for(io::Loop& loop) { return impl_->client_for(loop); }
bool MetadataService::ready() const { return impl_->ready(); }
bool MetadataService::is_leader() const { return impl_->is_leader(); }
RaftStatus MetadataService::status() const { return impl_->status(); }
void MetadataService::step_down() { impl_->step_down(); }

}  // namespace walrus::metadata
