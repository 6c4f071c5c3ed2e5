// The production loop: one thread around one boost::asio::io_context, shared by tasks, timers, sockets and, through
// io/uring.h, files.
//
// Happy path:
//   AsioLoop loop("shard 0");
//   ... build rooms on `loop`; nothing runs yet ...
//   std::thread thread([&] { loop.run(); });   // until stop()
//   loop.stop();
//   thread.join();
//   ... destroy the rooms, then the loop ...
//
// post() from any thread costs a lock and, for the first task of a batch only, a wake-up: tasks that are posted before
// the loop gets to them run in one go. Timers live in a heap of our own behind a single asio timer.
//
// How it fails: an exception out of a task or handler ends the process. Tasks still queued at stop() never run; they
// are destroyed with the loop.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/wager.h"
#include "io/loop.h"
#include "io/timer_heap.h"

namespace walrus::io {

class AsioLoop final : public Loop {
 public:
  /// `name` is the thread's, for ps and debuggers (its first 15 characters).
  explicit AsioLoop(std::string name);
  ~AsioLoop() override;
  AsioLoop(const AsioLoop&) = delete;
  AsioLoop& operator=(const AsioLoop&) = delete;

  /// Runs on the calling thread until stop(). Once.
  void run();
  /// Makes run() return after the task that is running, or at once when it is called later. Any thread.
  void stop();

  /// Whether a thread is in run(). Any thread.
  bool running() const { return thread_.load(std::memory_order_relaxed) != std::thread::id{}; }

  /// For sockets: handlers run on this loop's thread.
  boost::asio::io_context& context() { return context_; }

  TimePoint now() const override;
  TimePoint turn_time() const override;
  std::int64_t wall_ms() const override;
  void post(Task task) override;
  Timer after(Duration delay, Task task) override;
  void expect_soon() override { stay_awake_ = true; }
  std::uint64_t random() override;
  /// Also true while no thread is in run(): before it a loop's rooms are built, after it they are destroyed.
  bool in_thread() const override;

 private:
  void run_posted();
  void begin_turn();
  bool poll_one();
  void wait_awake();
  void run_due_timers();
  void arm(TimePoint due);

  const std::string name_;
  std::atomic<std::thread::id> thread_{};

  std::mutex mutex_;           ///< for `posted_` and `closed_` alone
  std::vector<Task> posted_;   ///< when not empty, a call of run_posted() is on its way
  bool closed_ = false;        ///< being destroyed: what is posted is dropped
  std::vector<Task> running_;  ///< taken from `posted_`; kept for its memory

  // Asked of the clocks when they are first needed; without a thread in run() there are no turns.
  mutable std::optional<TimePoint> turn_time_;
  mutable std::optional<std::int64_t> turn_wall_ms_;

  TimerHeap timers_;
  TimePoint armed_for_ = TimePoint::max();  ///< when `alarm_` goes off

  // Behind what its handlers may use while they are destroyed.
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer alarm_;

  bool stay_awake_ = false;  ///< before the next sleep
  Wager awake_;              ///< that something comes meanwhile

  std::array<std::uint64_t, 32> random_;
  std::size_t random_left_ = 0;
};

}  // namespace walrus::io
