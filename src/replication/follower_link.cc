#include "replication/follower_link.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "io/message.h"
#include "peer.pb.h"
#include "replication/batch_body.h"
#include "storage/content_hash.h"

namespace walrus::replication {

namespace {

constexpr std::size_t kWindowBytes = 4 * limits::kMiB;
constexpr std::size_t kWindowMessages = 64;
constexpr std::size_t kMessageBytes = limits::kMiB;
constexpr io::Duration kFirstDelay = std::chrono::milliseconds(20);
constexpr io::Duration kLongestDelay = std::chrono::milliseconds(500);

peer::Replicate request_with(const LinkOptions& options, Offset commit) {
  peer::Replicate request;
  request.set_topic_id(options.key.topic.value());
  request.set_segment_id(options.key.segment.value());
  request.set_base(options.base.value());
  request.set_epoch(options.epoch.value());
  request.set_version(options.version);
  request.set_commit(commit.value());
  return request;
}

}  // namespace

FollowerLink::FollowerLink(io::Loop& loop, io::Transport& transport, storage::Segment& segment, LinkOptions options,
                           Events events)
    : loop_(loop),
      transport_(transport),
      segment_(segment),
      options_(options),
      events_(std::move(events)),
      next_(options.base),
      durable_end_(options.base),
      delay_(kFirstDelay),
      last_progress_(loop.now()) {}

void FollowerLink::open() {
  if (mode_ != Mode::kHeld) return;
  mode_ = Mode::kStreaming;
  last_progress_ = loop_.now();
  pump();
}

void FollowerLink::stop() {
  mode_ = Mode::kStopped;
  timer_.cancel();
}

void FollowerLink::pump() {
  while (mode_ == Mode::kStreaming && !reading_ && next_ < segment_.end() && in_flight_ < kWindowMessages &&
         in_flight_bytes_ < kWindowBytes) {
    reading_ = true;
    segment_.read(next_, segment_.end(), kMessageBytes, [self = shared_from_this()](Result<storage::Batches> batches) {
      self->reading_ = false;
      if (self->mode_ != Mode::kStreaming) return;
      if (!batches || batches->empty()) {
        log::error("replication to node {}: {}", self->options_.follower,
                   batches ? "nothing to read" : batches.error().message());
        return self->restart_stream();
      }
      self->send(self->next_, self->next_hash_, *batches);
      self->pump();
    });
  }
}

void FollowerLink::ask(std::move_only_function<void()> answered) {
  peer::Replicate question = request_with(options_, events_.commit());
  question.set_question(true);
  transport_.call(
      options_.follower, io::make_message(peer::REPLICATE, question), limits::kQuorumPatience,
      [self = shared_from_this(), answered = std::move(answered)](const Result<io::Message>& reply) mutable {
        if (!reply || self->mode_ == Mode::kStopped) return;
        const auto answer = io::parse_header<peer::ReplicateReply>(*reply, peer::REPLICATE_REPLY);
        if (!answer) return;
        if (answer->verdict() != peer::ReplicateReply::FENCED) return answered();
        self->stop();
        self->events_.on_fenced(Epoch(answer->promise()));
      });
}

void FollowerLink::send(Offset first, std::uint64_t previous_hash, const storage::Batches& batches) {
  peer::Replicate request = request_with(options_, events_.commit());
  request.set_first(first.value());
  request.set_previous_hash(previous_hash);
  std::size_t bytes = 0;
  for (const SharedBytes& batch : batches) {
    const auto header = storage::parse_batch_header(batch.view());
    next_ = header->end_offset();
    next_hash_ = storage::extend_hash(next_hash_, *header);
    bytes += batch.size();
  }
  ++in_flight_;
  in_flight_bytes_ += bytes;
  transport_.call(
      options_.follower, io::make_message(peer::REPLICATE, request, join_batches(batches)), limits::kCallTimeout,
      [self = shared_from_this(), bytes](Result<io::Message> reply) { self->on_answer(bytes, std::move(reply)); });
}

void FollowerLink::on_answer(std::size_t bytes, Result<io::Message> reply) {
  --in_flight_;
  in_flight_bytes_ -= bytes;
  if (mode_ == Mode::kStopped) return;
  Result<peer::ReplicateReply> answer = fail(ErrorCode::kUnavailable);
  if (reply) answer = io::parse_header<peer::ReplicateReply>(*reply, peer::REPLICATE_REPLY);
  if (answer && answer->verdict() == peer::ReplicateReply::FENCED) {
    stop();
    return events_.on_fenced(Epoch(answer->promise()));
  }
  if (answer && answer->verdict() == peer::ReplicateReply::ACK) {
    delay_ = kFirstDelay;
    last_progress_ = loop_.now();
    if (Offset(answer->durable_end()) > durable_end_) {
      durable_end_ = Offset(answer->durable_end());
      events_.on_ack(durable_end_);
    }
    if (mode_ == Mode::kAsking) mode_ = Mode::kStreaming;
    if (mode_ == Mode::kDraining && in_flight_ == 0) restart_stream();
    return pump();
  }
  if (answer && in_flight_ == 0) return go_on_from(Offset(answer->end()), answer->hash());
  if (!reply && reply.error().code == ErrorCode::kCorrupt) {
    log::error("replication to node {}: {}", options_.follower, reply.error().message());
  }
  mode_ = Mode::kDraining;
  if (in_flight_ == 0) restart_stream();
}

/// After a gap, with nothing more to come that could change it.
void FollowerLink::go_on_from(Offset end, std::uint64_t hash) {
  next_ = end;
  next_hash_ = hash;
  last_progress_ = loop_.now();
  mode_ = Mode::kStreaming;
  const bool beyond = end > segment_.end();
  if (!beyond && segment_.hash_at(end).value_or(hash) == hash) return pump();
  log::error("replication to node {}: what it has up to {} {}", options_.follower, end,
             beyond ? fmt::format("goes beyond our end {}", segment_.end()) : "is not what is here");
  stop();
}

void FollowerLink::restart_stream() {
  mode_ = Mode::kWaiting;
  timer_ = loop_.after(delay_, [self = shared_from_this()] {
    if (self->mode_ != Mode::kWaiting) return;
    // A question: without batches at our own end, it is answered with an ack or the gap to go on from.
    self->mode_ = Mode::kAsking;
    self->next_ = self->segment_.end();
    self->next_hash_ = self->segment_.hash();
    self->send(self->next_, self->next_hash_, {});
  });
  delay_ = std::min(delay_ * 2, kLongestDelay);
}

}  // namespace walrus::replication
