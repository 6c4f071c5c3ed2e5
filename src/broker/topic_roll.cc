// How a TopicLeader ends: by a roll, by a seal that it asks for, by a fence.
#include <algorithm>
#include <bit>
#include <utility>

#include "base/log.h"
#include "broker/topic_leader.h"
#include "metadata/placement.h"

namespace walrus::broker {

namespace {
constexpr auto kSealRetryDelay = std::chrono::milliseconds(50);
// A topic with retention is cut into about so many segments: what is kept beyond a bound is one of them.
constexpr std::uint64_t kRetentionShares = 4;
constexpr std::uint64_t kLeastRolledBytes = 64 * limits::kKiB;
constexpr std::uint64_t kLeastRolledMs = 1000;

std::uint64_t share_of(std::uint64_t bound, std::uint64_t least) { return std::max(bound / kRetentionShares, least); }
}  // namespace

void TopicLeader::check() {
  if (roll_ == Roll::kNone && (entries() >= max_entries_ || due_for_retention() || could_lie_better())) start_roll();
}

bool TopicLeader::due_for_retention() const {
  if (options_.retains_all() || entries() == 0) return false;
  if (options_.retention_records != 0 && entries() >= share_of(options_.retention_records, 1)) return true;
  if (options_.retention_bytes != 0 && segment_.bytes() >= share_of(options_.retention_bytes, kLeastRolledBytes)) {
    return true;
  }
  const auto times = segment_.times();
  if (options_.retention_ms == 0 || !times) return false;
  const std::int64_t age_ms = context_.loop.wall_ms() - times->first_ms;
  return age_ms > 0 && static_cast<std::uint64_t>(age_ms) >= share_of(options_.retention_ms, kLeastRolledMs);
}

bool TopicLeader::could_lie_better() const {
  if (!leader_.opened() || context_.loop.now() - opened_ < limits::kRegrowDelay) return false;
  const metadata::ViewPtr view = context_.metadata.view();
  const metadata::TopicPtr topic = view->find_topic(topic_);
  return topic && topic->last().epoch == epoch() && metadata::better_placed_anew(*view, *topic);
}

void TopicLeader::start_roll() {
  roll_ = Roll::kSettling;
  advance();
}

/// Called whenever commit has moved, or the segment's state.
void TopicLeader::advance() {
  waiters_.moved(commit());
  groups_.wake();
  if (roll_ == Roll::kRetired || roll_ == Roll::kProposing) return;
  if (leader_.fenced()) return fence();
  const bool failed = leader_.ended() || !segment_.status();
  if (replicated() && (failed || leader_.stalled())) return ask_for_seal();
  if (!leader_.lagging().empty() && roll_ == Roll::kNone) {
    log::info("topic {} segment {}: goes on without {} that is too far behind", name_, segment_id_,
              leader_.lagging().size() == 1 ? "a replica" : "replicas");
    roll_ = Roll::kSettling;
  }
  // A lone replica that failed cannot settle: it is cut at commit. What lay beyond was answered as unknown.
  if (failed && roll_ == Roll::kNone) roll_ = Roll::kSettling;
  if (roll_ != Roll::kSettling || !leader_.settled()) return;
  leader_.close();
  groups_.freeze();
  roll_ = Roll::kProposing;
  waiters_.end({ErrorCode::kNotLeader, {}});
  log::debug("topic {}: segment {} is complete with {} records, opening the next", name_, segment_id_, entries());
  sync_end();
}

void TopicLeader::ask_for_seal() {
  context_.seals.ask(topic_, leader_.epoch(), SealRequests::Recoverer::kAnother,
                     leader_.ended() ? "its leader's disk failed" : "too few replicas answer its leader");
  retry_ = context_.loop.after(kSealRetryDelay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->advance();
  });
}

/// Before an end is proposed. What a power cut can still take away is no end: the promise is durable behind all of it.
/// With fsync always all that is committed is synced, on a quorum, which need not have this node in it: a roll does not
/// wait for a disk that hangs. A lone replica, which resumes its segment after a restart, promises in any case: it must
/// not append to it while the proposal of its earlier life is on its way. (One whose log cannot be written goes on
/// without, so that its topic has another node soon.)
void TopicLeader::sync_end() {
  const bool counts_unsynced = segment_.durable_end() > segment_.logged_end();
  const bool synced = context_.options.fsync.always() && !counts_unsynced;
  if (synced && replicated()) return carry_groups_over();
  const auto lost = [this] { return !segment_.status() && segment_.logged_end() < commit(); };
  if (lost()) return cannot_sync(segment_.status());
  if (replicated()) {
    retry_ = context_.loop.after(limits::kQuorumPatience, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && self->roll_ == Roll::kProposing) self->ask_another();
    });
  }
  segment_.promise(epoch(), [weak = weak_from_this(), lost, synced](const Status& promised) {
    const auto self = weak.lock();
    if (!self || self->roll_ != Roll::kProposing) return;
    if ((!promised && !synced) || lost()) return self->cannot_sync(promised ? self->segment_.status() : promised);
    self->retry_.cancel();
    self->carry_groups_over();
  });
}

void TopicLeader::ask_another() {
  context_.seals.ask(topic_, epoch(), SealRequests::Recoverer::kAnother, "its leader's disk failed or hangs");
}

/// Another replica may find the end. A lone one that lost what a weaker policy had counted ends where its log does.
void TopicLeader::cannot_sync(const Status& trouble) {
  if (replicated()) {
    ask_another();
  } else if (!segment_.status()) {
    context_.seals.ask(topic_, epoch(), SealRequests::Recoverer::kSelf, "its log did not take all that was answered");
  }
  seal_later(trouble, &TopicLeader::sync_end);
}

void TopicLeader::seal_later(const Status& trouble, void (TopicLeader::*step)()) {
  if (!trouble && std::has_single_bit(++seal_attempts_)) {  // rarer and rarer
    log::warn("topic {}: the roll of segment {} waits: {}", name_, segment_id_, trouble.error().message());
  }
  retry_ = context_.loop.after(kSealRetryDelay, [weak = weak_from_this(), step] {
    if (const auto self = weak.lock(); self && self->roll_ == Roll::kProposing) (self.get()->*step)();
  });
}

/// The proposal has room for the position of GET's cursor; what else the groups have moved goes ahead of it.
void TopicLeader::carry_groups_over() {
  if (!groups_.unwritten()) return propose_seal();
  context_.flush_groups([weak = weak_from_this()](const Status&) {
    const auto self = weak.lock();
    if (!self || self->roll_ != Roll::kProposing) return;
    if (!self->groups_.unwritten()) return self->propose_seal();
    self->seal_later({}, &TopicLeader::carry_groups_over);
  });
}

void TopicLeader::propose_seal() {
  metadata::Command command;
  metadata::SealAndOpen& seal = *command.mutable_seal_and_open();
  seal.set_topic_id(topic_.value());
  seal.set_segment_id(segment_id_.value());
  seal.set_epoch(leader_.epoch().value());
  seal.set_end(leader_.commit().value());
  seal.set_shared_cursor(groups_.shared().position().value());
  seal.set_hash(leader_.hash());
  seal.set_bytes(segment_.bytes());
  seal.set_latest_ms(segment_.times().value_or(storage::TimeRange{}).latest_ms);
  for (const NodeId holder : leader_.holders()) seal.add_holders(holder.value());
  for (const NodeId slow : leader_.lagging()) seal.add_avoid(slow.value());
  context_.metadata.propose(std::move(command), [weak = weak_from_this()](Result<metadata::Applied> applied) {
    const auto self = weak.lock();
    if (!self || self->roll_ != Roll::kProposing) return;
    const Status outcome = metadata::outcome_of(applied);
    // Carried out, or beaten by another command: the view retires us.
    if (outcome || outcome.error().code == ErrorCode::kConflict) return;
    self->seal_later(outcome, &TopicLeader::propose_seal);
  });
}

void TopicLeader::retire() {
  roll_ = Roll::kRetired;
  retry_.cancel();
  leader_.close();
  groups_.end();
  waiters_.end({ErrorCode::kNotLeader, {}});
  if (!replicated()) segment_.seal();  // else ReplicaTable::settle() does, at the end that was decided
}

void TopicLeader::fence() {
  roll_ = Roll::kRetired;
  retry_.cancel();
  groups_.end();
  waiters_.end({ErrorCode::kNotLeader, {}});
  leader_.fence();
}

}  // namespace walrus::broker
