#include "metadata/proposals.h"

#include "base/assert.h"
#include "base/limits.h"

namespace walrus::metadata {

Status Proposals::add(std::string command, ProposeDone& done, io::TimePoint deadline) {
  if (size() >= limits::kMaxProposals || bytes_ + command.size() > limits::kMaxProposalBytes) {
    return fail(ErrorCode::kOverloaded, "too many metadata proposals");
  }
  bytes_ += command.size();
  waiting_.push_back({std::move(command), std::move(done), deadline});
  return {};
}

void Proposals::submit(RaftMember& member) {
  std::vector<std::string> commands;
  const std::uint64_t first = member.last_index() + 1;
  const std::uint64_t term = member.vote().term;
  std::size_t bytes = 0;
  while (!waiting_.empty() && bytes < limits::kRaftMessageBytes && member.leads()) {
    Waiting& next = waiting_.front();
    const std::size_t size = next.command.size();
    bytes += size;
    // Noted first: a leader that is alone applies its entries within submit().
    in_log_.emplace(first + commands.size(), InLog{term, std::move(next.done), next.deadline, size});
    commands.push_back(std::move(next.command));
    waiting_.pop_front();
  }
  if (!commands.empty()) {
    const auto submitted = member.submit(commands);
    if (submitted) {
      WALRUS_ASSERT(submitted->first_index == first && submitted->term == term);
      return;
    }
    const auto begin = in_log_.lower_bound(first);
    for (auto at = begin; at != in_log_.end(); ++at) {
      resolve(std::move(at->second.done), fail(ErrorCode::kUnavailable, submitted.error().message()), at->second.bytes);
    }
    in_log_.erase(begin, in_log_.end());
  }
  if (member.leads()) return;
  for (Waiting& waiting : waiting_) {
    resolve(std::move(waiting.done), fail(ErrorCode::kUnavailable, "not the leader"), waiting.command.size());
  }
  waiting_.clear();
}

void Proposals::applied(std::uint64_t index, std::uint64_t term, Status status) {
  const auto found = in_log_.find(index);
  if (found == in_log_.end()) return;
  InLog proposal = std::move(found->second);
  in_log_.erase(found);
  if (proposal.term == term) {
    resolve(std::move(proposal.done), Applied{index, std::move(status)}, proposal.bytes);
  } else {
    resolve(std::move(proposal.done), fail(ErrorCode::kUnavailable, "outvoted by another leader"), proposal.bytes);
  }
}

void Proposals::jumped_to(std::uint64_t index) {
  const auto end = in_log_.upper_bound(index);
  for (auto at = in_log_.begin(); at != end; ++at) {
    resolve(std::move(at->second.done), fail(ErrorCode::kOutcomeUnknown), at->second.bytes);
  }
  in_log_.erase(in_log_.begin(), end);
}

void Proposals::expire(io::TimePoint now) {
  // Deadlines grow in the order of arrival, and so with the index.
  while (!in_log_.empty() && in_log_.begin()->second.deadline <= now) {
    InLog& late = in_log_.begin()->second;
    resolve(std::move(late.done), fail(ErrorCode::kOutcomeUnknown), late.bytes);
    in_log_.erase(in_log_.begin());
  }
  while (!waiting_.empty() && waiting_.front().deadline <= now) {
    Waiting& late = waiting_.front();
    resolve(std::move(late.done), fail(ErrorCode::kUnavailable), late.command.size());
    waiting_.pop_front();
  }
}

void Proposals::end_all(ErrorCode code) {
  jumped_to(UINT64_MAX);
  for (Waiting& waiting : waiting_) resolve(std::move(waiting.done), fail(code), waiting.command.size());
  waiting_.clear();
}

void Proposals::resolve(ProposeDone done, Result<Applied> result, std::size_t bytes) {
  bytes_ -= bytes;
  resolved_.push_back({std::move(done), std::move(result)});
}

}  // namespace walrus::metadata
