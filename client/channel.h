// One connection with a thread of its own: requests of any thread go in, answers come out by callback.
//
// Happy path: submit() queues a call and wakes the thread, which pipelines what is queued (at most kMaxInFlight calls)
// and runs each call's `done` in the order of the requests.
//
// Failure: what surely was not carried out (a transient ERR, a connection that broke before the request left, no
// connection at all) is sent again after a growing pause, until the call's deadline; then `done` gets the last error. A
// call whose outcome is unknown is repeated only if it says that this does no harm.
//
// submit() from any thread; `done` runs on the channel's thread, must not block and may submit. At its end the channel
// answers what is left with kNotSent, or kOutcomeUnknown where a request had left; what was submitted meanwhile is
// answered by the destructor, on its thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "walrus/client/connection.h"

namespace walrus::client {

struct Call {
  using Clock = std::chrono::steady_clock;
  using Done = std::move_only_function<void(const Result<Reply>&)>;

  std::string request;
  bool repeatable = false;  ///< carrying it out twice does no harm
  bool retry = true;        ///< false: every failure is told at once
  Clock::time_point deadline = Clock::time_point::max();
  Done done;
  unsigned attempts = 0;  ///< that failed so far
};

class Channel {
 public:
  static constexpr std::size_t kMaxInFlight = 1024;
  static constexpr std::size_t kMaxUnsentBytes = 4 << 20;

  explicit Channel(Options options);
  ~Channel();
  /// Its thread is to end. Several channels whose calls submit to each other are all stopped and joined before any is
  /// destroyed.
  void stop();
  void join();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void submit(Call call);
  /// Runs `work` on the channel's thread, in order with what was posted before.
  void post(std::move_only_function<void()> work);
  /// Runs `work` there, not before `when`.
  void post_at(Call::Clock::time_point when, std::move_only_function<void()> work);
  bool on_thread() const { return running == this; }

 private:
  static thread_local const Channel* running;  // the channel whose thread this is

  struct Later {
    Call::Clock::time_point when;
    std::uint64_t number = 0;  // earlier ones go first among equals
    std::move_only_function<void()> work;
    bool operator>(const Later& other) const { return std::tie(when, number) > std::tie(other.when, other.number); }
  };

  void run();
  /// False when the channel is to end.
  bool take_posted();
  void run_due();
  void send_waiting();
  void take_answers();
  void on_answer(const Reply& reply);
  void on_break(const Error& error);
  void again(Call call, const Error& error);
  void fail_all();
  void arm();
  void wake() const;

  Connection connection_;
  int woken_ = -1;  // eventfd
  int timer_ = -1;  // timerfd
  // Of the channel's thread:
  std::deque<Call> waiting_;
  std::deque<Call> in_flight_;
  std::vector<Later> later_;  // a heap, the earliest first
  std::uint64_t later_count_ = 0;
  // Shared:
  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> posted_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace walrus::client
