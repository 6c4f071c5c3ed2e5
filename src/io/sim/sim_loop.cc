#include "io/sim/sim_loop.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace walrus::io {
namespace {

/// 2025-01-01T00:00:00Z, so that timestamps of simulated runs look like timestamps.
constexpr std::int64_t kWallStartMs = 1'735'689'600'000;

std::uint64_t mix(std::uint64_t digest, std::uint64_t value) {
  digest = (digest ^ value) * 0x9e3779b97f4a7c15;
  return digest ^ (digest >> 29);
}

}  // namespace

TimePoint SimLoop::now() const { return world_.now_ + clock_offset_; }

std::int64_t SimLoop::wall_ms() const {
  return kWallStartMs + std::chrono::duration_cast<std::chrono::milliseconds>(world_.now_.time_since_epoch()).count();
}

void SimLoop::post(Task task) {
  if (stopped_) return;
  ready_.push_back({world_.next_sequence_++, nullptr, std::move(task)});
}

Timer SimLoop::after(Duration delay, Task task) {
  if (stopped_) return {};
  return timers_.add(due_at(world_.now_, delay), std::move(task));
}

bool SimLoop::in_thread() const { return world_.running_ == nullptr || world_.running_ == this; }

void SimLoop::stop() {
  if (stopped_) return;
  WALRUS_ASSERT(this != world_.environment_);
  stopped_ = true;
  std::vector<Task> tasks = timers_.take_all();
  for (Ready& ready : std::exchange(ready_, {})) {
    if (ready.armed) *ready.armed = false;
    tasks.push_back(std::move(ready.task));
  }
  std::erase(world_.live_, this);
  world_.discard(std::move(tasks));
}

SimWorld::SimWorld(std::uint64_t seed, Order order)
    : seed_(seed), order_(order), random_(seed), scheduling_(random_.fork()), environment_(&make_loop("environment")) {}

SimWorld::~SimWorld() {
  // Tasks may own things whose destructors post or arm timers: every loop refuses before the first task goes.
  std::vector<Task> tasks = std::move(discarded_);
  for (SimLoop* loop : live_) {
    loop->stopped_ = true;
    std::ranges::move(loop->timers_.take_all(), std::back_inserter(tasks));
    for (auto& ready : std::exchange(loop->ready_, {})) tasks.push_back(std::move(ready.task));
  }
  tasks.clear();
}

SimLoop& SimWorld::make_loop(std::string name) {
  loops_.push_back(
      std::unique_ptr<SimLoop>(new SimLoop(*this, std::move(name), loops_.size(), Random(mix(seed_, loops_.size())))));
  live_.push_back(loops_.back().get());
  return *loops_.back();
}

bool SimWorld::step() { return run_one_ready() || (advance(TimePoint::max()) && run_one_ready()); }

bool SimWorld::run_until(const std::function<bool()>& predicate, Duration limit) {
  const TimePoint deadline = due_at(now_, limit);
  while (!predicate()) {
    if (run_one_ready() || advance(deadline)) continue;
    now_ = deadline;
    tasks_at_this_instant_ = 0;
    return predicate();
  }
  return true;
}

void SimWorld::run_for(Duration duration) {
  run_until([] { return false; }, duration);
}

void SimWorld::run_ready() {
  while (run_one_ready()) {
  }
}

bool SimWorld::run_one_ready() {
  WALRUS_ASSERT(running_ == nullptr, "a task must not run the world that runs it");
  while (SimLoop* loop = pick()) {
    SimLoop::Ready ready = std::move(loop->ready_.front());
    loop->ready_.pop_front();
    if (ready.armed) {
      if (!*ready.armed) continue;  // cancelled between coming due and now
      *ready.armed = false;
    }
    WALRUS_ASSERT(++tasks_at_this_instant_ <= kMaxTasksAtOneInstant, "livelock: time does not go on");
    ++tasks_run_;
    fingerprint_ = mix(mix(fingerprint_, static_cast<std::uint64_t>(now_.time_since_epoch().count())), loop->number_);
    running_ = loop;
    ready.task();
    ready.task = nullptr;  // what it owns goes while its loop still counts as running
    running_ = nullptr;
    if (!discarded_.empty()) discard({});
    if (observer_) observer_(*loop);
    return true;
  }
  return false;
}

SimLoop* SimWorld::pick() {
  if (order_ == Order::kShuffled) {
    const auto runnable = static_cast<std::uint64_t>(std::ranges::count_if(live_, &SimLoop::runnable));
    if (runnable == 0) return nullptr;
    std::uint64_t skip = scheduling_.below(runnable);
    for (SimLoop* loop : live_) {
      if (loop->runnable() && skip-- == 0) return loop;
    }
  }
  SimLoop* first = nullptr;
  for (SimLoop* loop : live_) {
    if (!loop->runnable()) continue;
    if (first == nullptr || loop->ready_.front().sequence < first->ready_.front().sequence) first = loop;
  }
  return first;
}

bool SimWorld::advance(TimePoint limit) {
  TimePoint next = TimePoint::max();
  for (SimLoop* loop : live_) {
    if (const auto due = loop->timers_.next_due()) next = std::min(next, *due);
  }
  if (next == TimePoint::max() || next > limit) return false;
  now_ = std::max(now_, next);
  tasks_at_this_instant_ = 0;
  for (SimLoop* loop : live_) {
    while (auto call = loop->timers_.pop_due(now_)) {
      loop->ready_.push_back({next_sequence_++, std::move(call->armed), std::move(call->task)});
    }
  }
  return true;
}

void SimWorld::discard(std::vector<Task> tasks) {
  std::ranges::move(tasks, std::back_inserter(discarded_));
  if (running_ != nullptr) return;
  std::vector<Task> gone = std::move(discarded_);
  discarded_.clear();
}

}  // namespace walrus::io
