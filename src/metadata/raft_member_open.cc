// RaftMember: what is on disk when it opens, and whether that can be.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "metadata/raft_member.h"

namespace walrus::metadata {

Result<std::unique_ptr<RaftMember>> RaftMember::open(io::Loop& loop, io::Disk& disk, RaftMachine& machine,
                                                     RaftHost& host, RaftMemberOptions options) {
  WALRUS_TRY(disk.make_durable_directories(options.directory));
  std::unique_ptr<RaftMember> member(new RaftMember(loop, disk, machine, host, std::move(options)));
  WALRUS_TRY(member->load());
  return member;
}

Status RaftMember::load() {
  log_.reset();
  WALRUS_ASSIGN(vote_, load_vote(disk_, options_.directory));
  WALRUS_ASSIGN(auto snapshot, load_snapshot(disk_, options_.directory));
  WALRUS_ASSIGN(log_, RaftLog::open(disk_, {.directory = options_.directory,
                                            .salt = loop_.random(),
                                            .file_bytes = options_.log_file_bytes}));
  WALRUS_TRY(check_log(snapshot));
  return take_snapshot_from_disk(std::move(snapshot));
}

/// What libraft takes on trust, and what a lost file would make of the directory.
Status RaftMember::check_log(const std::optional<RaftSnapshot>& snapshot) {
  const auto corrupt = [&](const std::string& what) {
    return fail(ErrorCode::kCorrupt, options_.directory + ": " + what);
  };
  const bool used = snapshot.has_value() || !log_->empty();
  if (used && !vote_) return corrupt("log or snapshot without a vote file");
  const std::uint64_t first_needed = snapshot ? snapshot->index + 1 : 1;
  if (log_->first_index() > first_needed) {
    return corrupt(fmt::format("entries {} to {} are missing", first_needed, log_->first_index() - 1));
  }
  if (log_->first_index() == 1 && !log_->empty() && log_->find(1)->type != EntryType::kChange) {
    return corrupt("entry 1 does not name the members");
  }
  for (std::uint64_t index = log_->first_index(); index <= log_->last_index(); ++index) {
    const RaftEntry& entry = *log_->find(index);
    const bool sound = entry.type == EntryType::kChange    ? decode_members(entry.payload).has_value()
                       : entry.type == EntryType::kCommand ? command_of_payload(entry.payload).has_value()
                                                           : true;
    if (!sound) return corrupt(fmt::format("entry {} cannot be read", index));
  }
  const std::uint64_t newest_term = std::max(log_->term_of(log_->last_index()), snapshot ? snapshot->term : 0);
  if (used && newest_term > vote_->term) return corrupt("the vote file is older than the log");
  return {};
}

Status RaftMember::take_snapshot_from_disk(std::optional<RaftSnapshot> snapshot) {
  if (!snapshot) return {};
  // A log that does not hold the snapshot's last entry was about to be replaced when a snapshot came from the leader.
  const bool follows = log_->first_index() == snapshot->index + 1;
  if (!follows && log_->term_of(snapshot->index) != snapshot->term) WALRUS_TRY(log_->restart(snapshot->index + 1));
  if (snapshot->index > applied_) {
    WALRUS_TRY(machine_.restore(snapshot->index, snapshot->data, snapshot->members));
    applied_ = snapshot->index;
    committed_members_ = snapshot->members;
    committed_members_index_ = snapshot->members_index;
  }
  snapshot_bytes_ = snapshot->data.size();
  snapshot_ = std::move(*snapshot);
  snapshot_.data = {};
  return {};
}

RaftMember::Found RaftMember::found() const {
  if (!vote_) return Found::kUnused;
  if (!log_->empty() || snapshot_.index > 0) return Found::kMember;
  return *vote_ == RaftVote{.term = 1, .voted_for = options_.id} ? Found::kUnfinishedBootstrap : Found::kJoining;
}

Status RaftMember::bootstrap(const Members& members) {
  WALRUS_ASSERT(found() == Found::kUnused || found() == Found::kUnfinishedBootstrap);
  const RaftVote vote{.term = 1, .voted_for = options_.id};
  WALRUS_TRY(save_vote(disk_, options_.directory, vote));
  vote_ = vote;
  return log_->append(1, std::vector{RaftEntry{1, EntryType::kChange, encode_members(members)}});
}

Status RaftMember::prepare_to_join() {
  WALRUS_ASSERT(found() == Found::kUnused);
  WALRUS_TRY(save_vote(disk_, options_.directory, {}));
  vote_ = RaftVote{};
  return {};
}

}  // namespace walrus::metadata
