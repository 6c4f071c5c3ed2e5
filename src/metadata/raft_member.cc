#include "metadata/raft_member.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace walrus::metadata {
namespace {

constexpr std::chrono::seconds kRetryOnFullDisk{1};
constexpr std::uint64_t kLargeSnapshotFactor = 8;

}  // namespace

RaftMember::RaftMember(io::Loop& loop, io::Disk& disk, RaftMachine& machine, RaftHost& host, RaftMemberOptions options)
    : loop_(loop), disk_(disk), machine_(machine), host_(host), options_(std::move(options)) {}

RaftMember::~RaftMember() { stop(); }

void RaftMember::start() {
  WALRUS_ASSERT(!node_ && !stopped_ && vote_);
  if (auto status = enter_new_term_if_alone(); !status) return trouble(status.error());
  node_.emplace(options_.id, options_.timing, loop_.random());
  seen_ = snapshot_.index;
  auto update = node_->start(loop_.now(), *vote_, snapshot_.index > 0 ? &snapshot_ : nullptr, log_->first_index(),
                             log_->entries());
  members_ = node_->members();
  settle(std::move(update));
}

/// libraft makes the only voter leader in the term that it finds: after a restart the same term could give the same
/// index to another entry. Each leadership shall have a term of its own.
Status RaftMember::enter_new_term_if_alone() {
  Members members = snapshot_.members;
  for (const RaftEntry& entry : log_->entries()) {
    if (entry.type == EntryType::kChange) {
      WALRUS_ASSIGN(members, decode_members(entry.payload));
    }
  }
  const Member* self = find_member(members, options_.id);
  if (self == nullptr || self->role != MemberRole::kVoter || count_voters(members) != 1) return {};
  const RaftVote next{.term = vote_->term + 1, .voted_for = options_.id};
  WALRUS_TRY(save_vote(disk_, options_.directory, next));
  vote_ = next;
  return {};
}

void RaftMember::stop() {
  stopped_ = true;
  timer_.cancel();
  node_.reset();
  log_.reset();
}

Result<RaftMember::Submitted> RaftMember::submit(std::span<const std::string> commands) {
  if (!leads()) return fail(ErrorCode::kNotLeader);
  std::vector<RaftEntry> entries;
  entries.reserve(commands.size());
  for (const std::string& command : commands) entries.push_back({0, EntryType::kCommand, payload_of_command(command)});
  const Submitted submitted{.first_index = node_->last_index() + 1, .term = node_->term()};
  auto update = node_->submit(loop_.now(), std::move(entries));
  if (!update && update.error().code == ErrorCode::kNotLeader) return fail(update.error());
  settle(std::move(update));
  return submitted;
}

Status RaftMember::change_members(const Members& members) {
  if (!can_change_members()) return fail(ErrorCode::kConflict, "the members cannot be changed now");
  // libraft lets the last voter that remains take over in the removed leader's term; so a leader leaves by transfer().
  const Member* self = find_member(members, options_.id);
  if (self == nullptr || self->role != MemberRole::kVoter) {
    return fail(ErrorCode::kInvalidArgument, "a leader does not remove itself");
  }
  auto update = node_->submit(loop_.now(), {RaftEntry{0, EntryType::kChange, encode_members(members)}});
  if (!update && update.error().code != ErrorCode::kCorrupt) return fail(update.error());
  settle(std::move(update));
  return {};
}

Status RaftMember::transfer(std::optional<RaftId> to) {
  if (!leads()) return fail(ErrorCode::kNotLeader);
  auto update = node_->transfer(loop_.now(), to);
  if (!update && update.error().code == ErrorCode::kNotLeader) return fail(update.error());
  settle(std::move(update));
  return {};
}

void RaftMember::receive(NodeId from, RaftMessage message) {
  if (!node_ || message.to != options_.id || message.from == options_.id) return;
  if (const auto known = node_of(message.from); known && *known != from) {
    log::warn("raft: node {} wrote in the name of node {}", from, *known);
    return;
  }
  note_sender(message.from, from);
  if (is_overtaken_refusal(message, node_->term(), match_index(message.from).value_or(0))) return;
  if (message.type == RaftMessage::Type::kRequestVote) return settle(answer_vote_request(std::move(message)));
  if (message.type == RaftMessage::Type::kInstallSnapshot && message.term >= node_->term()) led_at_ = loop_.now();
  if (message.type != RaftMessage::Type::kAppendEntries) {
    settle(node_->receive(loop_.now(), std::move(message)));
    return;
  }
  const std::uint64_t term = message.term;
  const std::uint64_t commit = message.commit;
  if (term >= node_->term()) led_at_ = loop_.now();
  if (term >= node_->term() && message.index < node_->commit_index()) {
    if (auto status = agrees_with_committed(message); !status) {
      trouble(status.error());
      return;
    }
    message = without_committed(std::move(message), node_->commit_index(), term_of(node_->commit_index()));
  }
  for (RaftMessage& part : split_at_membership(std::move(message))) {
    if (!node_) return;
    part.commit = limited_commit(part, node_->commit_index());
    settle(node_->receive(loop_.now(), std::move(part)));
  }
  if (!node_ || node_->term() != term) return;
  if (told_term_ != term) told_commit_ = 0;
  told_term_ = term;
  told_commit_ = std::max(told_commit_, commit);
  update_ready();
}

/// Guard G6. Whoever is a voter may not know it yet: the entry that says so counts from the moment the leader has it.
/// libraft gives its vote only when its own log makes it a voter, and forgets a lost leader only then; so a leader that
/// is lost right after a promotion could not be replaced by what is a majority. Here a vote depends on term, log and
/// earlier votes alone (Ongaro, "Consensus: Bridging Theory and Practice", 4.1); the candidate counts those of voters.
Result<RaftUpdate> RaftMember::answer_vote_request(RaftMessage message) {
  const Member* self = find_member(members_, options_.id);
  const bool knows_it = self != nullptr && self->role == MemberRole::kVoter;
  const bool led = led_at_ && loop_.now() < *led_at_ + options_.timing.election_timeout;
  const bool for_libraft = knows_it || (led && !message.disrupt_leader);
  if (!for_libraft) message.disrupt_leader = true;
  const RaftMessage asked{.type = message.type,
                          .from = message.from,
                          .to = message.to,
                          .term = message.term,
                          .index = message.index,
                          .index_term = message.index_term,
                          .pre_vote = message.pre_vote};
  auto update = node_->receive(loop_.now(), std::move(message));
  if (!update) return update;
  const std::pair candidate{asked.index_term, asked.index};
  const bool behind_us = candidate < std::pair{term_of(node_->last_index()), node_->last_index()};
  const bool given_away = vote_->term == asked.term && vote_->voted_for != RaftId() && vote_->voted_for != asked.from;
  for (RaftMessage& reply : update->messages) {
    if (reply.type != RaftMessage::Type::kRequestVoteResult || reply.to != asked.from) continue;
    if (given_away && !asked.pre_vote) {  // libraft does not know of a vote that it did not give
      reply.granted = false;
      update->vote.reset();
    } else if (!for_libraft && !behind_us && asked.term >= node_->term() + (asked.pre_vote ? 1 : 0)) {
      reply.granted = true;
      reply.term = asked.term;
      if (!asked.pre_vote) update->vote = RaftVote{.term = asked.term, .voted_for = asked.from};
    }
  }
  return update;
}

Status RaftMember::agrees_with_committed(const RaftMessage& message) const {
  for (std::size_t i = 0; i < message.entries.size(); ++i) {
    const std::uint64_t index = message.index + 1 + i;
    const std::uint64_t own = term_of(index);
    if (index > node_->commit_index()) break;
    if (own != 0 && own != message.entries[i].term) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: entry {} is committed with term {}, and the leader has term {}",
                                                   options_.directory, index, own, message.entries[i].term));
    }
  }
  return {};
}

void RaftMember::note_sender(RaftId id, NodeId node) {
  if (find_member(members_, id) == nullptr) {  // ours to answer, though our log does not name it (yet)
    if (senders_.size() >= limits::kMaxNodes) senders_.clear();
    senders_[id] = node;
  }
  if (heard_.size() >= limits::kMaxNodes) heard_.clear();
  heard_[id] = loop_.now();
}

/// Carries out an update and all that follows from it, until nothing is left to do.
void RaftMember::settle(Result<RaftUpdate> update) {
  WALRUS_ASSERT(!settling_, "a piece of work inside another one");
  settling_ = true;
  queue(std::move(update));
  while (node_) {
    if (!updates_.empty()) {
      RaftUpdate next = std::move(updates_.front());
      updates_.pop_front();
      if (auto status = carry_out(std::move(next)); !status) trouble(status.error());
      continue;
    }
    if (auto status = apply_committed(); !status) trouble(status.error());
    if (!updates_.empty() || !node_) continue;
    commit_own_term();
    if (!updates_.empty() || !node_) continue;
    if (auto status = snapshot_if_due(); !status) trouble(status.error());
    if (updates_.empty()) break;
  }
  updates_.clear();
  settling_ = false;
  if (stopped_) return;
  if (node_) {
    announce_commit();
    update_ready();
    arm_timer();
  }
  host_.settled();
}

bool RaftMember::queue(Result<RaftUpdate> update) {
  if (update) {
    updates_.push_back(std::move(*update));
  } else {
    trouble(update.error());
  }
  return node_.has_value();
}

Status RaftMember::carry_out(RaftUpdate update) {
  if (update.vote && update.vote != vote_) {
    WALRUS_TRY(save_vote(disk_, options_.directory, *update.vote));
    vote_ = update.vote;
  }
  if (!update.entries.empty()) {
    const bool cuts = update.first_index <= log_->last_index();
    WALRUS_TRY(log_->append(update.first_index, update.entries));
    if (cuts || std::ranges::find(update.entries, EntryType::kChange, &RaftEntry::type) != update.entries.end()) {
      members_ = node_->members();
    }
  }
  if (update.snapshot) WALRUS_TRY(install(*update.snapshot));
  for (RaftMessage& message : update.messages) send(std::move(message));
  if (!update.entries.empty()) {
    queue(node_->persisted_entries(loop_.now(), update.first_index + update.entries.size() - 1));
  }
  if (update.snapshot && node_ && queue(node_->persisted_snapshot(loop_.now(), *update.snapshot))) {
    members_ = node_->members();
  }
  return {};
}

Status RaftMember::install(const RaftMessage& from) {
  RaftSnapshot snapshot{.index = from.index,
                        .term = from.index_term,
                        .members_index = from.members_index,
                        .members = from.members,
                        .data = std::string(from.data.view())};
  log::info("raft: a snapshot up to entry {} replaces what is here up to {}", snapshot.index, applied_);
  WALRUS_TRY(save_snapshot(disk_, options_.directory, snapshot));
  bytes_since_snapshot_ = 0;
  WALRUS_TRY(take_snapshot_from_disk(std::move(snapshot)));
  seen_ = snapshot_.index;
  return {};
}

Status RaftMember::apply_committed() {
  while (node_ && seen_ < node_->commit_index()) {
    const std::uint64_t index = seen_ + 1;
    const RaftEntry* entry = log_->find(index);
    WALRUS_ASSERT(entry != nullptr, "a committed entry is in the log");
    seen_ = index;
    if (index > applied_) apply_entry(index, *entry);
    if (entry->type != EntryType::kChange) continue;
    WALRUS_ASSIGN(const Members members, decode_members(entry->payload));
    if (!queue(node_->members_committed(loop_.now(), index, members))) break;
    if (!updates_.empty()) break;  // it may change our state: first things first
  }
  return {};
}

void RaftMember::apply_entry(std::uint64_t index, const RaftEntry& entry) {
  switch (entry.type) {
    case EntryType::kCommand:
      machine_.apply(index, entry.term, *command_of_payload(entry.payload));
      break;
    case EntryType::kBarrier:
      machine_.skip(index);
      break;
    case EntryType::kChange:
      committed_members_ = *decode_members(entry.payload);
      committed_members_index_ = index;
      machine_.apply_members(index, committed_members_);
      break;
  }
  applied_ = index;
  bytes_since_snapshot_ += entry.payload.size();
}

/// Rule G3. libraft makes such an entry only when its log is longer than what it knows to be committed.
void RaftMember::commit_own_term() {
  if (!leads() || term_of(node_->last_index()) == node_->term()) return;
  auto update = node_->submit(loop_.now(), {RaftEntry{0, EntryType::kBarrier, std::string(8, '\0')}});
  if (!update && update.error().code == ErrorCode::kNotLeader) return;  // leadership is being handed over
  queue(std::move(update));
}

Status RaftMember::snapshot_if_due() {
  const std::uint64_t entries = applied_ - snapshot_.index;
  const bool many = entries >= options_.snapshot_threshold && applied_ >= next_snapshot_;
  // A large state is not written out for a few small entries.
  const bool worth_it =
      bytes_since_snapshot_ >= snapshot_bytes_ || entries >= kLargeSnapshotFactor * options_.snapshot_threshold;
  if (!(many && worth_it) && bytes_since_snapshot_ < limits::kSnapshotTrailingBytes) return {};
  if (committed_members_index_ == 0 || seen_ < applied_) return {};

  RaftSnapshot snapshot{.index = applied_,
                        .term = term_of(applied_),
                        .members_index = committed_members_index_,
                        .members = committed_members_,
                        .data = machine_.snapshot()};
  if (auto status = save_snapshot(disk_, options_.directory, snapshot); !status) {
    if (status.error().code != ErrorCode::kDiskFull) return status;
    log::warn("raft: no space for a snapshot: {}", status.error().message());
    next_snapshot_ = applied_ + options_.snapshot_threshold;
    bytes_since_snapshot_ = 0;
    return {};
  }
  snapshot_bytes_ = snapshot.data.size();
  bytes_since_snapshot_ = 0;
  snapshot_ = std::move(snapshot);
  snapshot_.data = {};
  const std::uint64_t trailing = trailing_entries();
  if (!queue(node_->snapshot_taken(loop_.now(), snapshot_, trailing))) return {};
  if (snapshot_.index > trailing) return log_->remove_prefix(snapshot_.index - trailing + 1);
  return {};
}

/// How many of the newest applied entries stay in the log for members that lag, within both limits.
std::uint64_t RaftMember::trailing_entries() const {
  std::uint64_t entries = 0;
  std::size_t bytes = 0;
  while (entries < options_.snapshot_trailing) {
    const RaftEntry* entry = log_->find(snapshot_.index - entries);
    if (entry == nullptr || bytes + entry->payload.size() > limits::kSnapshotTrailingBytes) break;
    bytes += entry->payload.size();
    ++entries;
  }
  return std::max<std::uint64_t>(entries, 1);
}

/// libraft's members hear of what is committed with the next entry or heartbeat. When nothing more is under way they
/// are told at once, with the heartbeat that would come later: whoever leads or proposes on another node waits for it.
void RaftMember::announce_commit() {
  if (!leads()) return announced_.clear();
  const std::uint64_t commit = node_->commit_index();
  if (commit != node_->last_index()) return;
  for (const Member& member : members_) {
    const std::uint64_t has = member.raft_id == options_.id ? 0 : match_index(member.raft_id).value_or(0);
    std::uint64_t& announced = announced_[member.raft_id];
    if (std::min(has, commit) <= announced || term_of(has) == 0) continue;
    announced = std::min(has, commit);
    send({.type = RaftMessage::Type::kAppendEntries,
          .from = options_.id,
          .to = member.raft_id,
          .term = node_->term(),
          .index = has,
          .index_term = term_of(has),
          .commit = commit});
  }
}

void RaftMember::update_ready() {
  if (ready_ || !node_) return;
  const std::uint64_t told = leads() ? node_->commit_index() : told_commit_;
  if (!leads() && told_term_ != node_->term()) return;
  // A leader knows what is committed from the first entry of its own term on.
  ready_ = told > 0 && applied_ >= told && term_of(told) == node_->term();
}

void RaftMember::send(RaftMessage message) {
  const auto to = node_of(message.to);
  if (!to) return;
  if (message.type == RaftMessage::Type::kInstallSnapshot) {
    send_snapshot(*to, std::move(message));
    return;
  }
  for (std::size_t i = 0; i < message.entries.size(); ++i) {
    const RaftEntry* entry = log_->find(message.index + 1 + i);
    WALRUS_ASSERT(entry != nullptr, "libraft sends what the log holds");
    message.entries[i] = *entry;
  }
  for (RaftMessage& part : split_by_size(std::move(message))) host_.send(*to, std::move(part));
}

void RaftMember::send_snapshot(NodeId to, RaftMessage message) {
  if (host_.sending_snapshot(to)) return;
  auto snapshot = load_snapshot(disk_, options_.directory);
  if (!snapshot || !*snapshot) {
    log::error("raft: no snapshot for node {}: {}", to, snapshot ? "there is none" : snapshot.error().message());
    return;
  }
  message.index = (*snapshot)->index;
  message.index_term = (*snapshot)->term;
  message.members_index = (*snapshot)->members_index;
  message.members = std::move((*snapshot)->members);
  message.data = SharedBytes(std::move((*snapshot)->data));
  message.data_size = message.data.size();
  host_.send(to, std::move(message));
}

void RaftMember::arm_timer() {
  const io::TimePoint now = loop_.now();
  // A timeout in the past would be armed again and again: libraft's time for a member that it does not write to stays.
  const io::Duration least = std::chrono::milliseconds(1);
  timer_ = loop_.after(std::max<io::Duration>(node_->next_timeout() - now, least), [this] { on_timeout(); });
}

void RaftMember::on_timeout() {
  settle(node_->timeout(loop_.now()));
  if (node_ && node_->next_timeout() <= loop_.now()) {
    timer_ = loop_.after(options_.timing.heartbeat / 2, [this] { on_timeout(); });
  }
}

void RaftMember::trouble(const Error& error) {
  node_.reset();
  updates_.clear();
  timer_.cancel();
  if (stopped_) return;
  if (error.code != ErrorCode::kDiskFull) {
    stopped_ = true;
    log_.reset();
    host_.failed(error);
    return;
  }
  log::error("raft: suspended: {}", error.message());
  timer_ = loop_.after(kRetryOnFullDisk, [this] {
    if (auto status = load(); !status) return trouble(status.error());
    start();
    if (node_) log::info("raft: goes on");
  });
}

RaftState RaftMember::state() const { return node_ ? node_->state() : RaftState::kFollower; }

RaftVote RaftMember::vote() const { return vote_.value_or(RaftVote{}); }

std::optional<RaftId> RaftMember::leader() const { return node_ ? node_->leader() : std::nullopt; }

bool RaftMember::can_change_members() const {
  if (!leads() || term_of(node_->commit_index()) != node_->term()) return false;
  for (std::uint64_t index = node_->commit_index() + 1; index <= node_->last_index(); ++index) {
    if (log_->find(index)->type == EntryType::kChange) return false;
  }
  return true;
}

std::optional<NodeId> RaftMember::node_of(RaftId id) const {
  if (const Member* member = find_member(members_, id)) return member->node_id;
  const auto sender = senders_.find(id);
  if (sender == senders_.end()) return std::nullopt;
  return sender->second;
}

std::optional<std::uint64_t> RaftMember::match_index(RaftId member) const {
  return node_ ? node_->match_index(member) : std::nullopt;
}

std::optional<io::TimePoint> RaftMember::heard(RaftId member) const {
  const auto found = heard_.find(member);
  if (found == heard_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t RaftMember::commit_index() const { return node_ ? node_->commit_index() : applied_; }

std::uint64_t RaftMember::last_index() const { return log_ ? log_->last_index() : applied_; }

std::uint64_t RaftMember::log_length() const { return log_ ? log_->last_index() + 1 - log_->first_index() : 0; }

std::vector<std::string_view> RaftMember::commands_in_log() const {
  std::vector<std::string_view> commands;
  for (const RaftEntry& entry : log_->entries()) {
    if (entry.type == EntryType::kCommand) commands.push_back(*command_of_payload(entry.payload));
  }
  return commands;
}

std::uint64_t RaftMember::term_of(std::uint64_t index) const {
  return index == snapshot_.index ? snapshot_.term : log_->term_of(index);
}

}  // namespace walrus::metadata
