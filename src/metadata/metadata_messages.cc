// What other nodes send to this node's metadata, and how it makes itself known to them.
#include <fmt/format.h>

#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "io/message.h"
#include "metadata/metadata_core.h"
#include "metadata/uuid_bytes.h"

namespace walrus::metadata {

bool MetadataCore::handle(NodeId from, io::Message& message, io::Reply& reply) {
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

void MetadataCore::on_raft(NodeId from, const io::Message& message, io::Reply& reply) {
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

void MetadataCore::on_propose(io::Message message, io::Reply reply) {
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
  if (auto status = take(std::string(message.body.view()), done); !status) (*shared)(fail(status.error()));
}

void MetadataCore::on_join(const io::Message& message, io::Reply reply) {
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

void MetadataCore::start_joining(std::vector<std::string> addresses) {
  joining_ =
      std::make_unique<Joining>(loop_, transport_, std::move(addresses), self_as_join(),
                                Joining::Callbacks{.joined = [this](const peer::JoinReply& reply) { on_joined(reply); },
                                                   .refused = [this](const Error& reason) { refused(reason); }});
  joining_->start();
}

void MetadataCore::on_joined(const peer::JoinReply& reply) {
  const Uuid cluster = uuid_from_bytes(reply.cluster_id());
  if (auto status = check_cluster_id(cluster); !status) return refused(status.error());
  for (const auto& node : reply.nodes()) know_address(NodeId(node.node_id()), node.peer_address());
  log::info("taken into cluster {}", cluster);
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) joining_.reset();
  });
}

void MetadataCore::on_removed() {
  refused({ErrorCode::kIdentityRefused, fmt::format("node {} was removed from the cluster", options_.node_id)});
}

RaftStatus MetadataCore::status() const {
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

}  // namespace walrus::metadata
