#include "replication/segment_leader.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "storage/record_batch.h"

namespace walrus::replication {

SegmentLeader::SegmentLeader(io::Loop& loop, io::Transport& transport, storage::Segment& segment,
                             const Replicas& replicas)
    : loop_(loop),
      segment_(segment),
      replicas_(replicas),
      quorum_(replicas.nodes.size(), segment.base()),
      opened_(replicas.nodes.size() == 1) {
  const auto own = std::ranges::find(replicas_.nodes, replicas_.self);
  WALRUS_ASSERT(own != replicas_.nodes.end(), "the leader of a segment is one of its replicas");
  self_index_ = static_cast<std::size_t>(own - replicas_.nodes.begin());
  quorum_.advance(self_index_, segment_.durable_end());
  for (std::size_t i = 0; i < replicas_.nodes.size(); ++i) {
    if (i != self_index_) add_link(loop, transport, i, replicas_.nodes[i]);
  }
  segment_.watch([this] { on_durable(); });
  if (!opened_) promise_own_epoch();
}

SegmentLeader::~SegmentLeader() {
  *alive_ = false;
  for (const auto& link : links_) link->stop();
  if (!closed_for_good_) segment_.watch({});
  fail_waiting({ErrorCode::kOutcomeUnknown, "the leader of the segment stopped"});
  for (auto* waiting : {&asking_, &asked_}) {
    for (io::Done& done : std::exchange(*waiting, {})) done(fail(ErrorCode::kNotLeader));
  }
}

void SegmentLeader::promise_own_epoch() {
  segment_.promise(replicas_.epoch, [this, alive = alive_](const Status& promised) {
    if (!*alive) return;
    if (!promised) return end_for_good({ErrorCode::kOutcomeUnknown, promised.error().message()});
    opened_ = true;
    for (const auto& link : links_) link->open();
    release_committed();
    if (moved_) moved_();
  });
}

void SegmentLeader::add_link(io::Loop& loop, io::Transport& transport, std::size_t replica, NodeId node) {
  const LinkOptions options{.follower = node,
                            .key = segment_.key(),
                            .base = segment_.base(),
                            .epoch = replicas_.epoch,
                            .version = replicas_.version};
  links_.push_back(std::make_shared<FollowerLink>(
      loop, transport, segment_, options,
      FollowerLink::Events{.on_ack = [this, replica](Offset durable_end) { on_ack(replica, durable_end); },
                           .on_fenced = [this](Epoch) { fence(); },
                           .commit = [this] { return commit(); }}));
}

Status SegmentLeader::append(std::string& batch, std::uint32_t records, AppendDone& done) {
  if (closed_) return fail(ErrorCode::kNotLeader);
  if (stalled_) return fail(ErrorCode::kUnavailable, "too few replicas of the segment answer");
  const Offset first = segment_.end();
  storage::set_base_offset(batch, first);
  const SharedBytes shared =
      batch.size() <= limits::kCopiedBatchBytes ? SharedBytes::copy_of(batch) : SharedBytes(std::move(batch));
  if (Status appended = segment_.append(shared); !appended) {
    batch.assign(shared.view());
    return appended;
  }
  WALRUS_ASSERT(segment_.end() == first + records, "a batch takes as many offsets as it has records");
  wait({.first = first, .end = segment_.end(), .done = std::move(done)});
  for (const auto& link : links_) link->appended();
  if (!links_.empty() && !follower_patience_.armed()) watch_followers();
  return {};
}

void SegmentLeader::when_committed(Offset end, io::Done done) {
  if (end <= base() || (opened_ && end <= commit())) return done({});
  if (closed_for_good_) return done(fail(ErrorCode::kNotLeader));
  if (stalled_) return done(fail(ErrorCode::kUnavailable, "too few replicas of the segment answer"));
  // Those before it go first.
  if (!waiting_.empty()) end = std::max(end, waiting_.back().end);
  wait({.first = end, .end = end, .done = [done = std::move(done)](Result<Offset> committed) mutable {
          done(committed ? Status() : fail(committed.error()));
        }});
}

void SegmentLeader::wait(Waiting waiting) {
  if (waiting_.empty()) progress_ = loop_.turn_time();
  waiting_.push_back(std::move(waiting));
  if (!links_.empty() && !patience_.armed()) watch_quorum(limits::kQuorumPatience);
}

void SegmentLeader::read(Offset from, std::size_t max_bytes, storage::BatchesDone done) {
  segment_.read(from, commit(), max_bytes, std::move(done));
}

void SegmentLeader::on_durable() {
  quorum_.advance(self_index_, segment_.durable_end());
  release_committed();
  if (const Status status = segment_.status(); !status) {
    return end_for_good({ErrorCode::kOutcomeUnknown, status.error().message()});
  }
  if (moved_) moved_();
}

void SegmentLeader::on_ack(std::size_t replica, Offset durable_end) {
  quorum_.advance(replica, durable_end);
  release_committed();
  if (moved_) moved_();
}

void SegmentLeader::release_committed() {
  if (closed_for_good_ || !opened_) return;
  if (commit() == end()) stalled_ = false;
  if (!waiting_.empty() && waiting_.front().end <= commit()) progress_ = loop_.turn_time();
  while (!waiting_.empty() && waiting_.front().end <= commit()) {
    Waiting committed = std::move(waiting_.front());
    waiting_.pop_front();
    committed.done(committed.first);
  }
}

void SegmentLeader::watch_quorum(io::Duration patience) {
  patience_ = loop_.after(patience, [this] {
    if (waiting_.empty() || closed_for_good_) return;
    const io::Duration waited = loop_.now() - progress_;
    if (waited < limits::kQuorumPatience) return watch_quorum(limits::kQuorumPatience - waited);
    stalled_ = true;
    fail_waiting({ErrorCode::kOutcomeUnknown, "too few replicas of the segment answer"});
    if (moved_) moved_();
  });
}

void SegmentLeader::watch_followers() {
  patience_end_ = end();
  follower_patience_ = loop_.after(limits::kFollowerPatience, [this] {
    lagging_.clear();
    for (const auto& link : links_) {
      if (link->durable_end() < patience_end_) lagging_.push_back(link->follower());
    }
    if (segment_.durable_end() < patience_end_) lagging_.push_back(replicas_.self);
    if (end() > patience_end_ || !lagging_.empty()) watch_followers();
    if (!lagging_.empty() && moved_) moved_();
  });
}

void SegmentLeader::confirm(io::Done done) {
  if (closed_for_good_) return done(fail(ErrorCode::kNotLeader));
  if (links_.empty()) return done({});
  asked_.push_back(std::move(done));
  if (asking_.empty()) start_round();
}

void SegmentLeader::start_round() {
  asking_ = std::exchange(asked_, {});
  const std::size_t needed = ack_quorum(replicas()) - 1;  // with this node's own
  auto answers = std::make_shared<std::size_t>(0);
  round_patience_ = loop_.after(limits::kQuorumPatience, [this] {
    end_round(fail(ErrorCode::kUnavailable, "too few replicas of the segment answer"));
  });
  const std::uint64_t round = ++round_;
  for (const auto& link : links_) {
    link->ask([this, alive = alive_, round, needed, answers] {
      if (*alive && round == round_ && ++*answers == needed) end_round({});
    });
  }
}

void SegmentLeader::end_round(const Status& status) {
  ++round_;  // late answers are of no use
  round_patience_.cancel();
  for (io::Done& done : std::exchange(asking_, {})) done(status);
  if (closed_for_good_) {
    for (io::Done& done : std::exchange(asked_, {})) done(fail(ErrorCode::kNotLeader));
  } else if (!asked_.empty() && asking_.empty()) {
    start_round();
  }
}

void SegmentLeader::fence() {
  fenced_ = true;
  end_for_good({ErrorCode::kOutcomeUnknown, "the segment was taken over by another node"});
}

void SegmentLeader::end_for_good(const Error& error) {
  if (std::exchange(closed_for_good_, true)) return;
  closed_ = true;
  segment_.watch({});  // the segment may get another watcher, as a follower's
  for (const auto& link : links_) link->stop();
  fail_waiting(error);
  end_round(fail(ErrorCode::kNotLeader));
  if (moved_) moved_();
}

void SegmentLeader::fail_waiting(const Error& error) {
  std::deque<Waiting> failed = std::exchange(waiting_, {});
  for (Waiting& waiting : failed) waiting.done(fail(error));
}

std::vector<NodeId> SegmentLeader::holders() const {
  std::vector<NodeId> holding;
  for (std::size_t i = 0; i < replicas_.nodes.size(); ++i) {
    if (quorum_.durable_end(i) >= commit()) holding.push_back(replicas_.nodes[i]);
  }
  return holding;
}

}  // namespace walrus::replication
