#include "metadata/metadata_core.h"

#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "metadata/membership.h"

namespace walrus::metadata {
namespace {

/// Raft ids are never reused: a new disk is a new member.
RaftId raft_id_of(const Uuid& disk) {
  const std::uint64_t mixed = disk.low() ^ (disk.high() * 0x9e3779b97f4a7c15u);
  return RaftId(mixed == 0 ? 1 : mixed);
}

}  // namespace

MetadataCore::MetadataCore(io::Loop& loop, io::Transport& transport, MetadataServiceOptions options)
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

Status MetadataCore::open(io::Disk& disk) {
  WALRUS_ASSERT(options_.node_id != NodeId() && !options_.disk_id.is_nil());
  WALRUS_ASSIGN(
      member_,
      RaftMember::open(loop_, disk, *this, *this,
                       {.id = raft_id_,
                        .node_id = options_.node_id,
                        .directory = options_.directory,
                        .timing = {.election_timeout = options_.election_timeout, .heartbeat = options_.heartbeat}}));
  WALRUS_TRY(prepare_directory());
  proposer_ = std::make_unique<Proposer>(
      loop_, transport_, *member_, feed_,
      [this](std::string command, ProposeDone& done) { return take(std::move(command), done); });
  know_addresses();
  return {};
}

Status MetadataCore::prepare_directory() {
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

void MetadataCore::start() {
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

void MetadataCore::stop() {
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

void MetadataCore::apply(std::uint64_t index, std::uint64_t term, std::string_view bytes) {
  Command command;
  if (!command.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) command.Clear();
  proposals_.applied(index, term, state_.apply(index, command));
}

void MetadataCore::skip(std::uint64_t index) {
  state_.advance(index);
  proposals_.applied(index, 0, {});
}

void MetadataCore::apply_members(std::uint64_t index, const Members& members) {
  skip(index);
  for (const Member& before : applied_members_) {
    if (find_member(members, before.raft_id) == nullptr) departed_[before.node_id] = loop_.now();
  }
  applied_members_ = members;
  state_.set_members(members);
  chores_due_ = true;
}

Status MetadataCore::restore(std::uint64_t index, std::string_view data, const Members& members) {
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

void MetadataCore::send(NodeId to, RaftMessage message) {
  if (message.type == RaftMessage::Type::kInstallSnapshot) {
    snapshot_sender_.send(to, std::move(message));
  } else {
    transport_.send(to, encode_message(message));
  }
}

void MetadataCore::later(void (MetadataCore::*work)()) {
  loop_.post([this, work, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) (this->*work)();
  });
}

void MetadataCore::settled() {
  if (!stopped_ && !std::exchange(settled_posted_, true)) later(&MetadataCore::after_settled);
}

void MetadataCore::after_settled() {
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

/// A new topic waits while the group grows: what is decided about it shall not be easier to lose than its records.
Status MetadataCore::take(std::string command, ProposeDone& done) {
  if (const auto most = most_replicas_while_growing(state_.view()->nodes())) {
    Command parsed;
    if (parsed.ParseFromString(command) && parsed.create_topic().replicas() > *most) {
      return fail(ErrorCode::kUnavailable, "nodes that have joined have no vote yet");
    }
  }
  WALRUS_TRY(proposals_.add(std::move(command), done, loop_.now() + limits::kCallTimeout));
  if (!std::exchange(submit_posted_, true)) later(&MetadataCore::submit);
  return {};
}

void MetadataCore::submit() {
  submit_posted_ = false;
  proposals_.submit(*member_);
  if (proposals_.any_waiting() && !std::exchange(submit_posted_, true)) later(&MetadataCore::submit);
  settled();
}

void MetadataCore::publish() {
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

void MetadataCore::deliver() {
  for (Proposals::Resolved& resolved : proposals_.take_resolved()) resolved.done(std::move(resolved.result));
}

void MetadataCore::attach(std::shared_ptr<RemoteFeed> feed) {
  feeds_.push_back(feed);
  feed->loop.post([feed, view = feed_.view()] { feed->feed.accept(view); });
}

Status MetadataCore::check_cluster_id(const Uuid& found) {
  if (options_.cluster_id && *options_.cluster_id != found) {
    return fail(
        ErrorCode::kIdentityRefused,
        fmt::format("the directory is of cluster {}, the metadata in it of cluster {}", *options_.cluster_id, found));
  }
  if (!std::exchange(cluster_known_, true) && options_.on_cluster_id) options_.on_cluster_id(found);
  return {};
}

void MetadataCore::refused(const Error& reason) {
  log::error("this node is refused: {}", reason.message());
  if (!options_.on_refused) fatal(ExitCode::kIdentity, reason.message());
  options_.on_refused(reason);
}

void MetadataCore::failed(const Error& error) {
  log::error("metadata has stopped: {}", error.message());
  if (!options_.on_failed) {
    fatal(error.code == ErrorCode::kCorrupt ? ExitCode::kCorrupt : ExitCode::kStorage, error.message());
  }
  options_.on_failed(error);
}

}  // namespace walrus::metadata
