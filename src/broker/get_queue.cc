#include "broker/get_queue.h"

#include <algorithm>
#include <utility>

namespace walrus::broker {

namespace {
constexpr std::size_t kMaxRecordsPerTake = 4096;
constexpr std::size_t kMaxBytesPerTake = limits::kMiB;
}  // namespace

GetQueue::GetQueue(const QueueContext& context, std::string topic)
    : context_(context), topic_(context.metadata, std::move(topic)), retry_(context.loop, [this] { on_change(); }) {}

void GetQueue::add(const protocol::Request&, Waiter waiter) {
  waiters_.push_back({std::move(waiter), context_.loop.turn_time() + limits::kHeldRequestTimeout});
}

void GetQueue::pump() {
  if (taking_ || holding_ || waiters_.empty()) return;
  const metadata::TopicPtr topic = topic_.find();
  if (!topic) return;
  taking_ = true;
  const auto asked = static_cast<std::uint32_t>(std::min(waiters_.size(), kMaxRecordsPerTake));
  context_.leader.take(*topic, asked, kMaxBytesPerTake, [self = shared_from_this(), asked](Result<Taken> taken) {
    self->on_taken(asked, std::move(taken));
  });
}

void GetQueue::on_taken(std::uint32_t asked, Result<Taken> taken) {
  taking_ = false;
  if (taken) {
    retry_.reset();
    deliver(*taken, asked);
  } else if (is_sure_no(taken.error().code)) {
    const io::TimePoint now = context_.loop.now();
    const auto expired = std::ranges::find_if(waiters_, [&](const Held& held) { return held.deadline > now; });
    answer_front(static_cast<std::size_t>(expired - waiters_.begin()),
                 {ErrorCode::kTimedOut, "the leader of the topic's open segment cannot be reached"});
    holding_ = !waiters_.empty();
    if (holding_) retry_.arm();
  } else {
    answer_front(asked, taken.error());
  }
  if (over()) return answer_front(waiters_.size(), *over());
  if (!waiters_.empty() && !holding_) pump();
}

void GetQueue::deliver(const Taken& taken, std::uint32_t asked) {
  std::size_t answered = taken.payloads.size();
  if (taken.at_end) answered = asked;
  answered = std::min(answered, waiters_.size());
  for (std::size_t i = 0; i < answered; ++i) {
    const Waiter waiter = std::move(waiters_.front().waiter);
    waiters_.pop_front();
    if (i < taken.payloads.size()) {
      waiter.sink->answer(waiter.slot, {.kind = Answer::Kind::kOkPayload, .payload = taken.payloads[i]});
    } else {
      waiter.sink->answer(waiter.slot, {.kind = Answer::Kind::kEmpty, .payload = {}});
    }
    if (i + 1 == answered || waiters_.front().waiter.sink != waiter.sink) waiter.sink->flush();
  }
}

void GetQueue::answer_front(std::size_t count, const Error& error) {
  std::vector<Waiter> failed;
  for (; count > 0 && !waiters_.empty(); --count) {
    failed.push_back(std::move(waiters_.front().waiter));
    waiters_.pop_front();
  }
  answer_error(failed, error);
}

void GetQueue::on_change() {
  holding_ = false;
  pump();
}

void GetQueue::drop_unsent(const Error& error) {
  if (!taking_) answer_front(waiters_.size(), error);
}

}  // namespace walrus::broker
