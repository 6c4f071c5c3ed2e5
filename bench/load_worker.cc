#include "bench/load_worker.h"

#include <sys/epoll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <unistd.h>

#include "base/assert.h"

namespace walrus::bench {
namespace {

constexpr Nanoseconds kLongestWait = 100'000'000;
constexpr Nanoseconds kDrain = std::chrono::nanoseconds(kDrainTime).count();

}  // namespace

LoadWorker::LoadWorker(const LoadPlan& plan, const Codec& codec, const LoadClock& clock, Share share,
                       std::vector<std::unique_ptr<Lane>> lanes)
    : plan_(plan),
      codec_(codec),
      clock_(clock),
      share_(share),
      lanes_(std::move(lanes)),
      watching_writes_(lanes_.size(), false),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      live_topics_(plan.topics),
      next_topic_(share.first_topic),
      live_lanes_(lanes_.size()),
      interval_ns_(share.rate > 0 ? 1e9 / share.rate : 0),
      random_(static_cast<std::uint32_t>(share.first_topic) + 1) {
  WALRUS_ASSERT(epoll_ >= 0);
  std::iota(live_topics_.begin(), live_topics_.end(), 0U);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    WALRUS_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, lanes_[i]->socket(), &event) == 0);
  }
}

LoadWorker::~LoadWorker() { ::close(epoll_); }

void LoadWorker::run() {
  ::prctl(PR_SET_TIMERSLACK, 1'000UL);  // an open loop sleeps to the microsecond
  Nanoseconds now = monotonic_now();
  first_due_ = now;
  if (!open_loop()) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) fill(i, now);
  }
  while (!complete(now)) {
    if (open_loop()) {
      if (first_due_ < clock_.begin && now >= clock_.begin) restart_schedule();
      issue_due(now);
    }
    wait(now);
    now = monotonic_now();
  }
  finished_at_ = now;
  result_.unanswered += in_flight_;
  if (open_loop() && share_.requests == 0) {
    const auto due = static_cast<std::uint64_t>(std::ceil(static_cast<double>(clock_.end - first_due_) / interval_ns_));
    result_.unsent = due - std::min(scheduled_, due);
  }
  result_.drained = live_topics_.empty();
  shared_.finished = true;
}

Nanoseconds LoadWorker::next_due() const {
  return first_due_ + static_cast<Nanoseconds>(static_cast<double>(scheduled_) * interval_ns_);
}

void LoadWorker::restart_schedule() {
  first_due_ = clock_.begin;
  scheduled_ = 0;
}

bool LoadWorker::may_issue(Nanoseconds now) const {
  if (live_lanes_ == 0 || live_topics_.empty()) return false;
  if (plan_.stop != nullptr && plan_.stop->load(std::memory_order_relaxed)) return false;
  if (share_.requests > 0 && issued_ >= share_.requests) return false;
  return (open_loop() ? next_due() : now) < clock_.end;
}

bool LoadWorker::complete(Nanoseconds now) const {
  if (in_flight_ == 0 && !may_issue(now)) return true;
  return live_lanes_ == 0 || now > clock_.end + kDrain;
}

void LoadWorker::issue(std::size_t lane, Nanoseconds began) {
  const bool get = plan_.get_share > 0 && unit_(random_) < plan_.get_share;
  const std::uint32_t topic = live_topics_[next_topic_++ % live_topics_.size()];
  lanes_[lane]->queue(codec_, {.began = began, .topic = topic, .kind = get ? RequestKind::kGet : plan_.write});
  ++issued_;
  ++scheduled_;
  ++in_flight_;
}

void LoadWorker::fill(std::size_t lane, Nanoseconds now) {
  while (lanes_[lane]->in_flight() < plan_.depth && may_issue(now)) issue(lane, now);
  send(lane);
}

std::size_t LoadWorker::free_lane() {
  if (in_flight_ >= live_lanes_ * plan_.depth) return lanes_.size();
  for (std::size_t step = 0; step < lanes_.size(); ++step) {
    const std::size_t lane = next_lane_++ % lanes_.size();
    if (!lanes_[lane]->broken() && lanes_[lane]->in_flight() < plan_.depth) return lane;
  }
  return lanes_.size();
}

void LoadWorker::issue_due(Nanoseconds now) {
  std::vector<std::size_t> touched;
  while (may_issue(now) && next_due() <= now) {
    const std::size_t lane = free_lane();
    if (lane == lanes_.size()) break;
    issue(lane, next_due());
    touched.push_back(lane);
  }
  for (const std::size_t lane : touched) send(lane);
}

void LoadWorker::wait(Nanoseconds now) {
  Nanoseconds time = kLongestWait;
  if (open_loop() && may_issue(now) && in_flight_ < live_lanes_ * plan_.depth) {
    time = std::clamp<Nanoseconds>(next_due() - now, 0, kLongestWait);
  }
  const timespec timeout{.tv_sec = 0, .tv_nsec = time};
  std::array<epoll_event, 256> events;
  const int ready = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < ready; ++i)
    serve(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
}

void LoadWorker::serve(std::size_t index, std::uint32_t events) {
  Lane& lane = *lanes_[index];
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) {
    lane.receive();
    const Nanoseconds now = monotonic_now();
    Answer answer;
    PendingRequest request;
    while (lane.take_answer(codec_, answer, request)) {
      --in_flight_;
      count(answer, request, now);
      if (!open_loop() && !lane.broken() && may_issue(now)) issue(index, now);
    }
  }
  send(index);
}

void LoadWorker::send(std::size_t index) {
  Lane& lane = *lanes_[index];
  if (!lane.broken()) lane.send();
  if (lane.broken()) return retire(lane);
  if (lane.blocked() == watching_writes_[index]) return;
  watching_writes_[index] = lane.blocked();
  const std::uint32_t events = lane.blocked() ? EPOLLIN | EPOLLOUT : EPOLLIN;
  epoll_event event{.events = events, .data = {.u64 = index}};
  WALRUS_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_MOD, lane.socket(), &event) == 0);
}

void LoadWorker::count(const Answer& answer, const PendingRequest& request, Nanoseconds now) {
  if (answer.kind == Answer::Kind::kError) return count_error(answer.error);
  const bool in_time = now >= clock_.begin && now < clock_.end;
  if (answer.kind == Answer::Kind::kEmpty) {
    if (in_time) ++result_.empty;
    if (plan_.get_share >= 1) std::erase(live_topics_, request.topic);
    return;
  }
  shared_.done.fetch_add(1, std::memory_order_relaxed);
  if (in_time) {
    count_done(result_, std::chrono::nanoseconds(now - clock_.begin));
  }
  const bool measured = open_loop() ? request.began >= clock_.begin && request.began < clock_.end : in_time;
  if (measured) result_.latency.record(static_cast<std::uint64_t>(now - request.began));
}

void LoadWorker::count_error(std::string_view text) {
  bench::count_error(result_, text);
  shared_.failed.fetch_add(1, std::memory_order_relaxed);
}

void LoadWorker::retire(Lane& lane) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, lane.socket(), nullptr);
  ++result_.broken_connections;
  result_.unanswered += lane.in_flight();
  in_flight_ -= lane.in_flight();
  --live_lanes_;
  count_error("connection broke: " + lane.break_reason());
}

}  // namespace walrus::bench
