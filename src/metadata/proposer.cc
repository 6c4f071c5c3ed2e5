#include "metadata/proposer.h"

#include <utility>

#include "base/limits.h"
#include "io/message.h"
#include "peer.pb.h"

namespace walrus::metadata {
namespace {

constexpr std::chrono::milliseconds kProposalRetryInterval{20};

}  // namespace

Proposer::Proposer(io::Loop& loop, io::Transport& transport, RaftMember& member, ViewFeed& feed, Take take)
    : loop_(loop), transport_(transport), member_(member), feed_(feed), take_(std::move(take)) {}

void Proposer::propose(const Command& command, ProposeDone done) { start(command, std::move(done), false); }

void Proposer::propose_before_ready(const Command& command, ProposeDone done) { start(command, std::move(done), true); }

void Proposer::start(const Command& command, ProposeDone done, bool before_ready) {
  auto attempt = std::make_shared<Attempt>(Attempt{.command = command.SerializeAsString(),
                                                   .done = std::move(done),
                                                   .deadline = loop_.now() + limits::kCallTimeout,
                                                   .before_ready = before_ready});
  ++attempts_;
  bytes_ += attempt->command.size();
  std::optional<ErrorCode> refused;
  if (stopped_) refused = ErrorCode::kShuttingDown;
  if (attempt->command.size() > limits::kMaxCommandBytes) refused = ErrorCode::kTooLarge;
  if (attempts_ > limits::kMaxProposals || bytes_ > limits::kMaxProposalBytes) refused = ErrorCode::kOverloaded;
  if (!refused) return route(std::move(attempt));
  loop_.post([this, attempt, code = *refused, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) finish(attempt, fail(code));
  });
}

void Proposer::route(AttemptPtr attempt) {
  if (stopped_) return finish(attempt, fail(ErrorCode::kShuttingDown));
  const bool ready = feed_.view()->version() > 0;
  if (loop_.now() >= attempt->deadline) {
    return finish(attempt, fail(ready ? ErrorCode::kUnavailable : ErrorCode::kRaftNotInitialized));
  }
  if (!ready && !attempt->before_ready) return try_again_later(std::move(attempt));
  if (member_.leads()) return propose_here(std::move(attempt));
  const auto leader = member_.leader();
  const auto node = leader ? member_.node_of(*leader) : std::nullopt;
  if (node) {
    forward(std::move(attempt), *node);
  } else {
    try_again_later(std::move(attempt));
  }
}

void Proposer::propose_here(AttemptPtr attempt) {
  ProposeDone done = [this, attempt](Result<Applied> result) {
    // Everything ends before the proposals do, so `this` is there.
    if (!result && result.error().code == ErrorCode::kUnavailable) return try_again_later(attempt);
    finish(attempt, std::move(result));
  };
  if (!take_(attempt->command, done)) return try_again_later(std::move(attempt));
}

void Proposer::forward(AttemptPtr attempt, NodeId leader) {
  io::Message message{.type = peer::PROPOSE, .header = {}, .body = SharedBytes(attempt->command)};
  forwarded_.insert(attempt);
  transport_.call(leader, std::move(message), attempt->deadline - loop_.now(),
                  [this, attempt, alive = std::weak_ptr(alive_)](Result<io::Message> reply) {
                    if (alive.expired() || forwarded_.erase(attempt) == 0) return;
                    if (reply) return on_reply(attempt, *reply);
                    const ErrorCode code = reply.error().code;
                    const bool surely_not = code == ErrorCode::kUnavailable || code == ErrorCode::kOverloaded ||
                                            code == ErrorCode::kShuttingDown;
                    if (surely_not) return try_again_later(attempt);
                    finish(attempt, fail(ErrorCode::kOutcomeUnknown, reply.error().message()));
                  });
}

void Proposer::on_reply(AttemptPtr attempt, const io::Message& message) {
  const auto reply = io::parse_header<peer::ProposeReply>(message, peer::PROPOSE_REPLY);
  if (!reply) return finish(attempt, fail(ErrorCode::kOutcomeUnknown, reply.error().message()));
  if (reply->version() == 0) return try_again_later(std::move(attempt));  // not the leader
  Applied applied{reply->version(), {}};
  if (reply->error() != 0) {
    applied.status = fail(error_from_number(static_cast<std::uint16_t>(reply->error())), reply->detail());
  }
  forwarded_.insert(attempt);
  feed_.wait_for(applied.version, limits::kCallTimeout,
                 [this, attempt, applied, alive = std::weak_ptr(alive_)](Status visible) {
                   if (alive.expired() || forwarded_.erase(attempt) == 0) return;
                   if (visible) return finish(attempt, applied);
                   finish(attempt, fail(ErrorCode::kOutcomeUnknown, "carried out, but not visible here in time"));
                 });
}

void Proposer::try_again_later(AttemptPtr attempt) {
  if (stopped_) return finish(attempt, fail(ErrorCode::kShuttingDown));
  waiting_.push_back(std::move(attempt));
  if (!retry_.armed()) retry_ = loop_.after(kProposalRetryInterval, [this] { retry_waiting(); });
}

void Proposer::retry_waiting() {
  for (AttemptPtr& attempt : std::exchange(waiting_, {})) route(std::move(attempt));
}

void Proposer::leader_changed() {
  if (!waiting_.empty()) retry_ = loop_.after(io::Duration(0), [this] { retry_waiting(); });
}

void Proposer::finish(const AttemptPtr& attempt, Result<Applied> result) {
  --attempts_;
  bytes_ -= attempt->command.size();
  attempt->done(std::move(result));
}

void Proposer::barrier(io::Done done) {
  next_barrier_.push_back(std::move(done));
  if (!barrier_under_way_) start_barrier();
}

void Proposer::start_barrier() {
  barrier_under_way_ = true;
  // A Done that is shared by the command's only callback.
  auto served = std::make_shared<std::vector<io::Done>>(std::exchange(next_barrier_, {}));
  Command noop;
  noop.mutable_noop();
  propose(noop, [this, served](Result<Applied> result) {
    barrier_under_way_ = false;
    if (!next_barrier_.empty()) start_barrier();
    for (io::Done& done : *served) {
      if (result) {
        done({});
      } else {
        done(fail(result.error()));
      }
    }
  });
}

void Proposer::stop() {
  stopped_ = true;
  retry_.cancel();
  retry_waiting();
  for (const AttemptPtr& attempt : std::exchange(forwarded_, {})) finish(attempt, fail(ErrorCode::kOutcomeUnknown));
}

}  // namespace walrus::metadata
