#include "io/asio_loop.h"

#include <boost/asio/post.hpp>
#include <sys/random.h>

#include <cerrno>
#include <pthread.h>
#include <utility>

#include "base/assert.h"

namespace walrus::io {

namespace {
constexpr Duration kAwake = std::chrono::microseconds(40);
}

AsioLoop::AsioLoop(std::string name) : name_(std::move(name)), work_(context_.get_executor()), alarm_(context_) {}

AsioLoop::~AsioLoop() {
  WALRUS_ASSERT(thread_.load() == std::thread::id{}, "destroyed while it runs");
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    tasks.swap(posted_);
  }
  tasks.clear();  // may post and arm, to no effect
  running_.clear();
  timers_.take_all();
}

void AsioLoop::run() {
  WALRUS_ASSERT(thread_.exchange(std::this_thread::get_id()) == std::thread::id{}, "one thread per loop");
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  const bool may_spin = std::thread::hardware_concurrency() > 1;
  while (!context_.stopped()) {
    if (std::exchange(stay_awake_, false) && may_spin) wait_awake();
    begin_turn();
    context_.run_one();
  }
  thread_.store(std::thread::id{});
}

/// Runs what is there, then looks for more without going to sleep. To be woken takes longer than what is expected.
void AsioLoop::wait_awake() {
  while (poll_one()) {
  }
  if (!awake_.worth_it()) return;
  const TimePoint give_up = now() + kAwake;
  while (!poll_one()) {
    if (context_.stopped()) return;
    if (now() >= give_up) return awake_.lost();
  }
  awake_.won();
}

bool AsioLoop::poll_one() {
  begin_turn();
  return context_.poll_one() > 0;
}

void AsioLoop::begin_turn() {
  turn_time_.reset();
  turn_wall_ms_.reset();
}

void AsioLoop::stop() { context_.stop(); }

TimePoint AsioLoop::now() const {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

TimePoint AsioLoop::turn_time() const {
  WALRUS_ASSERT(in_thread());
  if (!turn_time_ || !running()) turn_time_ = now();
  return *turn_time_;
}

std::int64_t AsioLoop::wall_ms() const {
  WALRUS_ASSERT(in_thread());
  if (!turn_wall_ms_ || !running()) {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    turn_wall_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  }
  return *turn_wall_ms_;
}

bool AsioLoop::in_thread() const {
  const std::thread::id owner = thread_.load(std::memory_order_relaxed);
  return owner == std::thread::id{} || owner == std::this_thread::get_id();
}

void AsioLoop::post(Task task) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (first) boost::asio::post(context_, [this] { run_posted(); });
}

void AsioLoop::run_posted() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(posted_);
  }
  for (Task& task : running_) {
    if (context_.stopped()) break;
    task();
    task = nullptr;
  }
  running_.clear();
}

Timer AsioLoop::after(Duration delay, Task task) {
  WALRUS_ASSERT(in_thread());
  const TimePoint due = due_at(now(), delay);
  Timer timer = timers_.add(due, std::move(task));
  if (due < armed_for_ && !context_.stopped()) arm(due);
  return timer;
}

void AsioLoop::arm(TimePoint due) {
  armed_for_ = due;
  alarm_.expires_at(std::chrono::steady_clock::time_point(due.time_since_epoch()));
  alarm_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // armed again for an earlier time
    armed_for_ = TimePoint::max();
    run_due_timers();
  });
}

void AsioLoop::run_due_timers() {
  // The time is read once: timers that a call arms for "now" wait for the next round, after pending I/O.
  const TimePoint started = now();
  while (!context_.stopped()) {
    auto call = timers_.pop_due(started);
    if (!call) break;
    call->run();
  }
  const auto next = timers_.next_due();
  if (next && *next < armed_for_) arm(*next);
}

std::uint64_t AsioLoop::random() {
  if (random_left_ == 0) {
    // Fewer than 256 bytes never come back short, nor interrupted once the kernel's pool is initialized.
    static_assert(sizeof random_ <= 256);
    ssize_t got = 0;
    do {
      got = getrandom(random_.data(), sizeof random_, 0);
    } while (got < 0 && errno == EINTR);
    WALRUS_ASSERT(got == sizeof random_);
    random_left_ = random_.size();
  }
  return random_[--random_left_];
}

}  // namespace walrus::io
