#include "broker/fetch_queue.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "broker/place_finder.h"
#include "broker/read_reply.h"

namespace walrus::broker {

using protocol::Place;

namespace {

/// A read that failed so may succeed a moment later.
bool worth_another_try(ErrorCode code) { return is_sure_no(code) || code == ErrorCode::kOutcomeUnknown; }

std::vector<Waiter> waiters_of(const Readers& readers) {
  std::vector<Waiter> waiters;
  waiters.reserve(readers.readers.size());
  for (const Readers::Reader& reader : readers.readers) waiters.push_back(reader.waiter);
  return waiters;
}

}  // namespace

FetchQueue::FetchQueue(const QueueContext& context, std::string topic)
    : context_(context),
      topic_(std::move(topic)),
      tail_(std::make_shared<TailWatch>(context, topic_)),
      retry_(context.loop, [this] { retry_held(); }) {}

void FetchQueue::add(const protocol::Request& request, Waiter waiter) {
  const auto what = request.get<protocol::FetchArguments>();
  const io::TimePoint now = context_.loop.now();
  fresh_.push_back({.place = what.from,
                    .readers = {.span = {.from = Offset(what.from.value), .bounds = what.bounds},
                                .readers = {{.waiter = std::move(waiter),
                                             .wait_until = now + std::chrono::milliseconds(what.wait_ms)}}},
                    .held_until = now + limits::kHeldRequestTimeout});
}

void FetchQueue::pump() {
  for (Fetch& fetch : std::exchange(fresh_, {})) start(std::move(fetch));
}

void FetchQueue::start(Fetch fetch) {
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  if (!topic) return answer_error(fetch.readers, {ErrorCode::kTopicNotFound, {}});
  if (fetch.place.kind == Place::Kind::kOffset) return read(std::move(fetch), *topic);
  resolve(std::move(fetch), *topic);
}

void FetchQueue::resolve(Fetch fetch, const metadata::TopicInfo& topic) {
  ++under_way_;
  const Place place = fetch.place;
  context_.places.find(topic, place,
                       [self = shared_from_this(), fetch = std::move(fetch)](const Result<Offset>& offset) mutable {
                         --self->under_way_;
                         self->on_resolved(std::move(fetch), offset);
                       });
}

void FetchQueue::on_resolved(Fetch fetch, const Result<Offset>& offset) {
  if (!offset && worth_another_try(offset.error().code)) return hold(std::move(fetch), offset.error());
  if (!offset) return answer_error(fetch.readers, offset.error());
  fetch.place = {.kind = Place::Kind::kOffset, .value = offset->value()};
  fetch.readers.span.from = *offset;
  start(std::move(fetch));
}

void FetchQueue::read(Fetch fetch, const metadata::TopicInfo& topic) {
  const ReadSpan& span = fetch.readers.span;
  if (span.from < topic.start()) {
    return answer_error(fetch.readers,
                        {ErrorCode::kOffsetOutOfRange, fmt::format("the topic begins at {}", topic.start())});
  }
  ++under_way_;
  const metadata::SegmentInfo& segment = *topic.holding(span.from);
  const std::size_t bytes = span.bounds.bytes;
  const Offset from = span.from;
  auto done = [self = shared_from_this(), fetch = std::move(fetch)](Result<TailRead> read) mutable {
    --self->under_way_;
    self->on_read(std::move(fetch), std::move(read));
  };
  if (!segment.sealed()) return context_.leader.read(topic, from, bytes, std::move(done));
  auto of_sealed = [end = segment.end, done = std::move(done)](Result<storage::Batches> batches) mutable {
    if (!batches) return done(fail(batches.error()));
    done(TailRead{.batches = std::move(*batches), .end = end});
  };
  context_.reader.read_sealed(topic, segment, from, bytes, std::move(of_sealed));
}

void FetchQueue::on_read(Fetch fetch, Result<TailRead> read) {
  if (!read && worth_another_try(read.error().code)) return hold(std::move(fetch), read.error());
  if (!read) return answer_error(fetch.readers, read.error());
  retry_.reset();
  if (!read->batches.empty()) return answer(fetch, *read);
  if (fetch.readers.span.from > read->end) {
    return answer_error(fetch.readers, {ErrorCode::kOffsetOutOfRange, fmt::format("the topic ends at {}", read->end)});
  }
  wait_or_answer(std::move(fetch), read->end);
}

void FetchQueue::wait_or_answer(Fetch fetch, Offset end) {
  if (over()) return answer_error(fetch.readers, *over());
  const io::TimePoint now = context_.loop.now();
  auto& readers = fetch.readers.readers;
  const auto patient = std::ranges::partition(readers, [now](const auto& reader) { return reader.wait_until <= now; });
  for (Readers::Reader& reader : patient) {
    reader.waiter.sink->park(reader.waiter.slot);
    waiting_.add(fetch.readers.span, std::move(reader));
  }
  const bool waits = !patient.empty();
  readers.erase(patient.begin(), patient.end());
  if (!readers.empty()) answer(fetch, {.batches = {}, .end = end});
  if (!waits) return;
  arm_expiry();
  watch_tail();
}

void FetchQueue::answer(const Fetch& fetch, const TailRead& read) {
  const auto reply = read_reply(fetch.readers.span, read);
  if (!reply) return answer_error(fetch.readers, reply.error());
  answer_all(waiters_of(fetch.readers),
             {.kind = Answer::Kind::kOkPayload, .payload = reply->head, .body = reply->body});
}

void FetchQueue::answer_error(const Readers& readers, const Error& error) {
  broker::answer_error(waiters_of(readers), error);
}

// What failed for the moment.

void FetchQueue::hold(Fetch fetch, const Error& error) {
  if (over()) return answer_error(fetch.readers, *over());
  if (context_.loop.now() >= fetch.held_until) {
    return answer_error(fetch.readers,
                        {ErrorCode::kTimedOut, "nobody who has the records answers: " + error.message()});
  }
  held_.push_back(std::move(fetch));
  retry_.arm();
}

void FetchQueue::retry_held() {
  for (Fetch& fetch : std::exchange(held_, {})) start(std::move(fetch));
}

void FetchQueue::on_change() {
  const auto self = shared_from_this();
  retry_held();
  tail_->on_change();
}

void FetchQueue::drop_unsent(const Error& error) {
  for (const Fetch& fetch : std::exchange(fresh_, {})) answer_error(fetch.readers, error);
  for (const Fetch& fetch : std::exchange(held_, {})) answer_error(fetch.readers, error);
  for (const Readers& readers : waiting_.take_all()) answer_error(readers, error);
  tail_->cancel();
  expiry_.cancel();
}

// Who waits for more.

void FetchQueue::watch_tail() {
  if (waiting_.empty()) return tail_->cancel();
  tail_->want(waiting_.first(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_tail_moved();
  });
}

void FetchQueue::on_tail_moved() {
  // Whoever waits stood at the end: a read says for whom there is something by now.
  restart(waiting_.take_all());
}

void FetchQueue::restart(std::vector<Readers> groups) {
  for (Readers& readers : groups) {
    const Offset from = readers.span.from;
    start({.place = {.kind = Place::Kind::kOffset, .value = from.value()},
           .readers = std::move(readers),
           .held_until = context_.loop.now() + limits::kHeldRequestTimeout});
  }
}

void FetchQueue::arm_expiry() {
  const io::TimePoint first = waiting_.first_deadline();
  if (expiry_.armed() && expiry_at_ <= first) return;
  expiry_at_ = first;
  expiry_ = context_.loop.after(std::max(first - context_.loop.now(), io::Duration(0)), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->expire();
  });
}

void FetchQueue::expire() {
  auto due = waiting_.take_expired(context_.loop.now());
  if (!waiting_.empty()) {
    arm_expiry();
  } else {
    tail_->cancel();
  }
  // Once more to the leader: that there is nothing is its to say.
  restart(std::move(due));
}

}  // namespace walrus::broker
