#include "broker/group_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/place_finder.h"
#include "broker/read_reply.h"

namespace walrus::broker {

using protocol::Place;
using protocol::Verb;

namespace {

constexpr std::size_t kMostSpansTogether = 1'000;

GroupCall::Verb verb_of(Verb verb) {
  switch (verb) {
    case Verb::kRead:
      return GroupCall::Verb::kRead;
    case Verb::kCommit:
      return GroupCall::Verb::kCommit;
    case Verb::kSeek:
      return GroupCall::Verb::kSeek;
    case Verb::kForget:
      return GroupCall::Verb::kForget;
    case Verb::kQueue:
      return GroupCall::Verb::kQueue;
    case Verb::kLease:
      return GroupCall::Verb::kLease;
    case Verb::kAck:
      return GroupCall::Verb::kAck;
    case Verb::kNack:
      return GroupCall::Verb::kNack;
    case Verb::kExtend:
      return GroupCall::Verb::kExtend;
    default:
      return GroupCall::Verb::kList;
  }
}

std::uint64_t count_of(const std::vector<protocol::OffsetSpan>& spans) {
  std::uint64_t records = 0;
  for (const protocol::OffsetSpan& span : spans) records += span.last - span.first + 1;
  return records;
}

/// Carried out twice it is as good as once.
bool repeatable(const GroupCall& call) {
  switch (call.verb) {
    case GroupCall::Verb::kRead:
      return !call.advance;
    case GroupCall::Verb::kLease:  // what was given to nobody comes again by itself, but later
    case GroupCall::Verb::kNack:
      return false;
    default:
      return true;
  }
}

}  // namespace

GroupQueue::GroupQueue(const QueueContext& context, std::string topic)
    : context_(context), topic_(std::move(topic)), retry_(context.loop, [this] { on_change(); }) {}

GroupQueue::Asked GroupQueue::asked_for(const protocol::Request& request, Waiter waiter) const {
  const auto what = request.get<protocol::GroupArguments>();
  auto queue = request.get<protocol::QueueArguments>();
  const bool lease = request.verb == Verb::kLease;
  const protocol::ReadBounds bounds = lease ? queue.bounds : what.bounds;
  const std::chrono::milliseconds wait(lease ? queue.wait_ms : what.wait_ms);
  const io::TimePoint now = context_.loop.now();
  return {.verb = request.verb,
          .place = what.place,
          .bounds = bounds,
          .call = {.verb = verb_of(request.verb),
                   .group = std::string(request.name),
                   .offset = Offset(what.place.value),
                   .records = bounds.records,
                   .bytes = bounds.bytes,
                   .advance = what.advance,
                   .wait = wait,
                   .queue = std::move(queue)},
          .waiters = {std::move(waiter)},
          .wait_until = now + wait,
          .held_until = now + wait + limits::kHeldRequestTimeout};
}

void GroupQueue::add(const protocol::Request& request, Waiter waiter) {
  Asked asked = asked_for(request, std::move(waiter));
  asked.number = next_number_++;
  std::deque<Asked>& line = lines_[asked.call.group].asked;
  if (line.empty() || !join(line.back(), asked)) line.push_back(std::move(asked));
}

/// True when `next` has become a part of `last`.
bool GroupQueue::join(Asked& last, Asked& next) {
  if (last.sent || last.verb != next.verb) return false;
  std::vector<protocol::OffsetSpan>& spans = last.call.queue.spans;
  if (next.verb == Verb::kAck) {
    const std::uint64_t records = count_of(spans) + count_of(next.call.queue.spans);
    if (spans.size() >= kMostSpansTogether || records > limits::kMaxLeases) return false;
  } else if (next.verb != Verb::kCommit) {
    return false;
  }
  if (last.parts.empty()) last.parts.push_back(last.call);
  last.parts.push_back(next.call);
  last.call.offset = std::max(last.call.offset, next.call.offset);
  std::ranges::move(next.call.queue.spans, std::back_inserter(spans));
  last.waiters.push_back(std::move(next.waiters.front()));
  return true;
}

void GroupQueue::split(Asked asked) {
  const std::vector<GroupCall> parts = std::exchange(asked.parts, {});
  const std::vector<Waiter> waiters = std::exchange(asked.waiters, {});
  Line& line = lines_[asked.call.group];
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Asked one = asked;
    one.call = parts[i];
    one.waiters = {waiters[i]};
    insert(line.asked, std::move(one));
  }
  context_.loop.post([self = shared_from_this(), group = asked.call.group] { self->send_all(group); });
}

void GroupQueue::insert(std::deque<Asked>& line, Asked asked) {
  const auto place = std::ranges::upper_bound(line, asked.number, {}, &Asked::number);
  line.insert(place, std::move(asked));
}

void GroupQueue::pump() {
  std::vector<std::string> groups;
  groups.reserve(lines_.size());
  for (const auto& [group, line] : lines_) groups.push_back(group);
  for (const std::string& group : groups) send_all(group);
}

void GroupQueue::send_all(const std::string& group) {
  if (over()) return drop_unsent(*over());
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  if (!topic) return;
  auto line = lines_.find(group);
  while (line != lines_.end() && !line->second.stopped() && !line->second.asked.empty()) {
    if (line->second.asked.front().place.kind != Place::Kind::kOffset) {
      resolve(group, *topic);
    } else {
      Asked next = std::move(line->second.asked.front());
      line->second.asked.pop_front();
      send(std::move(next), *topic);
    }
    line = lines_.find(group);
  }
  if (line != lines_.end() && line->second.asked.empty() && !line->second.stopped()) lines_.erase(line);
}

/// The place that the SEEK in front means is to be found out first.
void GroupQueue::resolve(const std::string& group, const metadata::TopicInfo& topic) {
  Line& line = lines_[group];
  line.resolving = true;
  ++under_way_;
  auto asked = std::make_shared<Asked>(std::move(line.asked.front()));
  line.asked.pop_front();
  context_.places.find(topic, asked->place, [self = shared_from_this(), group, asked](const Result<Offset>& offset) {
    --self->under_way_;
    Line& here = self->lines_[group];
    here.resolving = false;
    if (offset) {
      asked->place = {.kind = Place::Kind::kOffset, .value = offset->value()};
      asked->call.offset = *offset;
      insert(here.asked, std::move(*asked));
    } else if (is_sure_no(offset.error().code) || offset.error().code == ErrorCode::kOutcomeUnknown) {
      self->hold(std::move(*asked));
    } else {
      answer_error(asked->waiters, offset.error());
    }
    self->context_.loop.post([self, group] { self->send_all(group); });
  });
}

void GroupQueue::send(Asked next, const metadata::TopicInfo& topic) {
  ++under_way_;
  next.call.wait =
      std::max(std::chrono::milliseconds(0),
               std::chrono::duration_cast<std::chrono::milliseconds>(next.wait_until - context_.loop.now()));
  next.sent = true;
  GroupCall call = next.call;
  auto asked = std::make_shared<Asked>(std::move(next));
  if (call.wait.count() > 0) waiting_.insert(asked);
  context_.leader.group(topic, std::move(call),
                        [self = shared_from_this(), asked = std::move(asked)](Result<GroupAnswer> answer) {
                          const bool dropped = asked->call.wait.count() > 0 && self->waiting_.erase(asked) == 0;
                          if (dropped) return;
                          --self->under_way_;
                          self->on_answer(std::move(*asked), std::move(answer));
                        });
}

void GroupQueue::on_answer(Asked asked, Result<GroupAnswer> answer) {
  if (answer) {
    retry_.reset();
    return GroupQueue::answer(asked, std::move(*answer));
  }
  const ErrorCode code = answer.error().code;
  if (is_sure_no(code) || (code == ErrorCode::kOutcomeUnknown && repeatable(asked.call))) {
    asked.in_doubt |= code == ErrorCode::kOutcomeUnknown;
    return hold(std::move(asked));
  }
  if (asked.parts.empty() || code == ErrorCode::kOutcomeUnknown) return answer_error(asked.waiters, answer.error());
  split(std::move(asked));
}

void GroupQueue::answer(const Asked& asked, GroupAnswer answer) {
  switch (asked.verb) {
    case Verb::kRead: {
      ReadSpan span{.from = answer.first, .bounds = asked.bounds};
      span.bounds.records = static_cast<std::uint32_t>(answer.next - answer.first);
      span.bounds.bytes = limits::kMaxPeerMessageBytes;  // its leader has counted
      const auto reply = read_reply(span, {.batches = std::move(answer.batches), .end = answer.end});
      if (!reply) return answer_error(asked.waiters, reply.error());
      return answer_all(asked.waiters, {.kind = Answer::Kind::kOkPayload, .payload = reply->head, .body = reply->body});
    }
    case Verb::kLease: {
      const auto reply = lease_reply(answer.first, answer.tries, {.batches = answer.batches, .end = answer.end});
      if (!reply) return answer_error(asked.waiters, reply.error());
      return answer_all(asked.waiters, {.kind = Answer::Kind::kOkPayload, .payload = reply->head, .body = reply->body});
    }
    case Verb::kQueue:
    case Verb::kAck:
    case Verb::kNack:
    case Verb::kExtend:
    case Verb::kForget:
      return answer_all(asked.waiters, {.kind = Answer::Kind::kOk, .payload = {}});
    case Verb::kCursors:
      return answer_all(asked.waiters, {.kind = Answer::Kind::kOkPayload, .payload = answer.json});
    default:
      return answer_all(asked.waiters,
                        {.kind = Answer::Kind::kOkPayload, .payload = std::to_string(answer.first.value())});
  }
}

void GroupQueue::hold(Asked asked) {
  if (context_.loop.now() >= asked.held_until) {
    return answer_error(asked.waiters, {asked.in_doubt ? ErrorCode::kOutcomeUnknown : ErrorCode::kTimedOut,
                                        "the leader of the topic's open segment cannot be reached"});
  }
  Line& line = lines_[asked.call.group];
  line.held = true;
  insert(line.asked, std::move(asked));
  if (over()) return drop_unsent(*over());
  retry_.arm();
}

void GroupQueue::on_change() {
  const auto self = shared_from_this();
  for (auto& [group, line] : lines_) line.held = false;
  pump();
}

void GroupQueue::drop_unsent(const Error& error) {
  for (const auto& [group, line] : std::exchange(lines_, {})) {
    for (const Asked& asked : line.asked) {
      answer_error(asked.waiters, asked.in_doubt ? Error{ErrorCode::kOutcomeUnknown, error.detail} : error);
    }
  }
  // Those who wait at the leader would do so for long.
  for (const auto& asked : std::exchange(waiting_, {})) {
    --under_way_;
    const bool sure = repeatable(asked->call) || asked->verb == Verb::kLease;
    answer_error(asked->waiters, sure ? error : Error{ErrorCode::kOutcomeUnknown, error.detail});
  }
}

}  // namespace walrus::broker
