// Simulated time and scheduling. A SimWorld is one run: virtual time, a seed, and the loops of all simulated nodes,
// executed by the calling thread. A SimLoop is one node's (or one shard's) io::Loop within it.
//
// What holds: the same seed and the same calls give the same run, task by task (compare fingerprint()). Tasks of one
// loop run in the order of posting. Virtual time advances only when no loop has anything to run, and then to the
// earliest timer; a run of 10 idle virtual minutes costs nothing.
//
// Happy path:
//   SimWorld world(seed);
//   SimLoop& loop = world.make_loop("node 1");
//   ... build the node on `loop` ...
//   EXPECT_TRUE(world.run_until([&] { return node.ready(); }, 10s));
//
// Faults: stop() is a crash (nothing queued on that loop runs any more, later posts are dropped; make a new loop for
// the restarted node), pause()/resume() a process that is suspended while time goes on for everyone else.
//
// How it fails: more than kMaxTasksAtOneInstant tasks without time going on is taken for a livelock (WALRUS_ASSERT).
// One thread for the world and all that belongs to it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "io/random.h"
#include "io/timer_heap.h"

namespace walrus::io {

class SimWorld;

class SimLoop final : public Loop {
 public:
  TimePoint now() const override;
  std::int64_t wall_ms() const override;
  void post(Task task) override;
  Timer after(Duration delay, Task task) override;
  std::uint64_t random() override { return random_.next(); }
  /// True inside this loop's own tasks, and outside of all tasks (a test that sets things up).
  bool in_thread() const override;

  const std::string& name() const { return name_; }

  /// The node crashed: forgets what is queued, for ever. May be called from one of its own tasks.
  void stop();
  bool stopped() const { return stopped_; }

  /// The process is suspended: tasks and due timers pile up until resume().
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  bool paused() const { return paused_; }

  /// What now() adds to the world's time. Nodes have different clocks; the loops of one node share theirs.
  void set_clock_offset(Duration offset) { clock_offset_ = offset; }
  Duration clock_offset() const { return clock_offset_; }

 private:
  friend class SimWorld;
  SimLoop(SimWorld& world, std::string name, std::uint64_t number, Random random)
      : world_(world), name_(std::move(name)), number_(number), random_(std::move(random)) {}

  struct Ready {
    std::uint64_t sequence;       ///< order over all loops
    std::shared_ptr<bool> armed;  ///< of a timer's call; null for a posted task
    Task task;
  };
  bool runnable() const { return !paused_ && !ready_.empty(); }

  SimWorld& world_;
  const std::string name_;
  const std::uint64_t number_;
  Random random_;
  std::deque<Ready> ready_;
  TimerHeap timers_;  ///< due times are the world's
  Duration clock_offset_{0};
  bool stopped_ = false;
  bool paused_ = false;
};

class SimWorld {
 public:
  static constexpr std::uint64_t kMaxTasksAtOneInstant = 10'000'000;

  enum class Order {
    kFifo,     ///< tasks of all loops in the order of posting
    kShuffled  ///< a random runnable loop next: other interleavings of the same nodes, by seed
  };

  explicit SimWorld(std::uint64_t seed, Order order = Order::kFifo);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  /// Lives as long as the world.
  SimLoop& make_loop(std::string name);
  /// The environment's own loop, which no node stops: for the network and for scripts of faults.
  SimLoop& environment() { return *environment_; }

  TimePoint now() const { return now_; }
  std::uint64_t seed() const { return seed_; }
  /// The environment's randomness; nodes use Loop::random().
  Random& random() { return random_; }

  /// Called after each task, with the loop that ran it: it may look at everything, and changes nothing.
  void set_observer(std::function<void(const SimLoop&)> observer) { observer_ = std::move(observer); }

  /// Runs one task, advancing time to the next timer if none is ready; false when there is neither.
  bool step();
  /// Runs until `predicate` holds (looked at before each task) or `limit` of virtual time has passed; true if it held.
  bool run_until(const std::function<bool()>& predicate, Duration limit);
  /// Runs everything due in the next `duration`, and leaves the time at its end.
  void run_for(Duration duration);
  /// Runs what can run without time going on.
  void run_ready();

  std::uint64_t tasks_run() const { return tasks_run_; }
  /// Digest of which loop ran at which time, so far: equal for equal runs.
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  friend class SimLoop;

  bool run_one_ready();
  bool advance(TimePoint limit);
  SimLoop* pick();
  void discard(std::vector<Task> tasks);

  const std::uint64_t seed_;
  const Order order_;
  Random random_;
  Random scheduling_;
  TimePoint now_{Duration{0}};
  std::vector<std::unique_ptr<SimLoop>> loops_;
  std::vector<SimLoop*> live_;  ///< those not stopped, in the order of making
  SimLoop* environment_ = nullptr;
  SimLoop* running_ = nullptr;
  std::function<void(const SimLoop&)> observer_;
  std::vector<Task> discarded_;  ///< of loops stopped from inside a task: destroyed once that task is over
  std::uint64_t next_sequence_ = 0;
  std::uint64_t tasks_run_ = 0;
  std::uint64_t tasks_at_this_instant_ = 0;
  std::uint64_t fingerprint_ = 0;
};

}  // namespace walrus::io
