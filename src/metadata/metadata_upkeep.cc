// What the node, and above all the leader, looks after from time to time and when nodes or members change.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "metadata/membership.h"
#include "metadata/metadata_core.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {
namespace {

constexpr std::chrono::milliseconds kHousekeepingInterval{100};
constexpr std::chrono::seconds kFarewell{5};

}  // namespace

UpsertNode MetadataCore::upsert_of(const peer::Join& join) {
  UpsertNode upsert;
  upsert.set_node_id(join.node_id());
  upsert.set_disk_id(join.disk_id());
  upsert.set_raft_id(join.raft_id());
  upsert.set_peer_address(join.peer_address());
  upsert.set_client_address(join.client_address());
  return upsert;
}

void MetadataCore::know_address(NodeId node, const std::string& address) {
  if (node == options_.node_id || address.empty()) return;
  std::string& known = addresses_[node];
  if (std::exchange(known, address) != address) transport_.set_address(node, address);
}

/// From the weakest source to the strongest: where members were when they joined, what the log says (committed or not,
/// as a hint that lets us find each other), the applied node table.
void MetadataCore::know_addresses() {
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
void MetadataCore::see_off_departed() {
  for (auto at = departed_.begin(); at != departed_.end();) {
    const auto& [node, left] = *at;
    const NodeInfo* info = state_.view()->find_node(node);
    const bool came_back = is_member(node) || (info != nullptr && info->state != NodeState::kRemoved);
    const bool over = came_back || loop_.now() >= left + kFarewell;
    if (!over && member_->leads()) transport_.send(node, {.type = peer::REMOVED, .header = {}, .body = {}});
    if (!came_back && over && addresses_.erase(node) > 0) transport_.forget(node);
    at = over ? departed_.erase(at) : std::next(at);
  }
}

/// What the log or the state says about this node; empty when nothing does.
std::optional<UpsertNode> MetadataCore::last_known_self() {
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

/// The first leader of a new cluster gives it its id and enters itself, both in one step of the log.
void MetadataCore::make_cluster() {
  if (!member_->leads() || !member_->ready() || proposing_self_ || !state_.view()->cluster_id().is_nil()) return;
  proposing_self_ = true;
  Command init;
  init.mutable_init_cluster()->set_cluster_id(
      uuid_bytes(options_.cluster_id.value_or(Uuid(loop_.random(), loop_.random()))));
  proposer_->propose_before_ready(init, [](Result<Applied>) {});
  propose_self();
}

/// The node table has this node, where it is now.
void MetadataCore::announce_self() {
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

void MetadataCore::propose_self() {
  proposing_self_ = true;
  Command command;
  *command.mutable_upsert_node() = upsert_of(self_as_join());
  proposer_->propose_before_ready(command, [this](Result<Applied> result) {
    proposing_self_ = false;
    if (result && !result->status && result->status.error().code == ErrorCode::kIdentityRefused) {
      refused(result->status.error());
    }
  });
}

bool MetadataCore::caught_up(RaftId member) const {
  const auto heard = member_->heard(member);
  const bool answers = heard && loop_.now() - *heard < options_.election_timeout;
  return answers && member_->match_index(member).value_or(0) + kPromotionLag >= member_->last_index();
}

void MetadataCore::follow_node_table() {
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

void MetadataCore::housekeep() {
  proposals_.expire(loop_.now());
  chores_due_ = true;
  settled();
  housekeeping_ = loop_.after(kHousekeepingInterval, [this] { housekeep(); });
}

bool MetadataCore::is_member(NodeId node) const {
  return std::ranges::any_of(member_->members(), [&](const Member& member) { return member.node_id == node; });
}

peer::Join MetadataCore::self_as_join() const {
  peer::Join self;
  self.set_node_id(options_.node_id.value());
  self.set_disk_id(uuid_bytes(options_.disk_id));
  self.set_raft_id(raft_id_.value());
  self.set_peer_address(options_.peer_address);
  self.set_client_address(options_.client_address);
  return self;
}

std::optional<NodeId> MetadataCore::node_of(RaftId id) const {
  return id == raft_id_ ? options_.node_id : member_->node_of(id);
}

}  // namespace walrus::metadata
