// The answer to a request that is under way. One type for three styles of program:
//
//   auto offset = client.append("orders", "tea").get();            // a thread that waits
//   auto offset = co_await client.append("orders", "tea");         // a coroutine that is resumed
//   client.append("orders", "tea").then([](auto offset) { … });    // a callback
//
// Pending is also a coroutine's return type: a function that awaits may return Pending<Result<X>> and `co_return`. Such
// a coroutine starts at once, on the caller's thread.
//
// Coroutines are resumed and callbacks called on the thread that completes the answer: the client's own, which must not
// be blocked, or the one that asks when the answer is there already. ClientOptions::resume moves both elsewhere.
//
// An answer is taken once: by get(), then() or co_await. A Pending that is dropped leaves its request under way.
// Move-only; one thread at a time on this side.
#pragma once

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace walrus::client {

/// Takes work to where it is to run: an executor's post().
using Resume = std::function<void(std::move_only_function<void()>)>;

template <class T>
class Pending {
 public:
  /// What completes the answer. Copies share it; complete() is called once, on any thread.
  class Source;
  struct promise_type;  // NOLINT(readability-identifier-naming): the language wants this name

  Pending(Pending&&) noexcept = default;
  Pending& operator=(Pending&&) noexcept = default;
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() = default;

  bool ready() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->value.has_value();
  }

  /// False when the answer has not come within `patience`.
  bool wait_for(std::chrono::nanoseconds patience) const {
    std::unique_lock lock(state_->mutex);
    return state_->completed.wait_for(lock, patience, [this] { return state_->value.has_value(); });
  }

  /// Waits for the answer.
  T get() {
    std::unique_lock lock(state_->mutex);
    state_->completed.wait(lock, [this] { return state_->value.has_value(); });
    return std::move(*state_->value);
  }

  /// Calls `next` with the answer.
  void then(std::move_only_function<void(T)> next) {
    const auto state = state_;  // `next` may end this object
    std::move_only_function<void()> deliver = [state, next = std::move(next)]() mutable {
      next(std::move(*state->value));
    };
    if (!state->wait(deliver)) deliver();
  }

  bool await_ready() const { return ready(); }
  bool await_suspend(std::coroutine_handle<> waiting) {
    const auto state = state_;  // the coroutine may go on, and end this object, before this function returns
    std::move_only_function<void()> resume = [waiting] { waiting.resume(); };
    return state->wait(resume);
  }
  T await_resume() { return std::move(*state_->value); }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable completed;
    std::optional<T> value;
    std::move_only_function<void()> waiter;

    /// False when the answer is there: then `next` is not kept.
    bool wait(std::move_only_function<void()>& next) {
      const std::scoped_lock lock(mutex);
      if (value) return false;
      waiter = std::move(next);
      return true;
    }
  };

  explicit Pending(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

template <class T>
class Pending<T>::Source {
 public:
  Source() : state_(std::make_shared<State>()) {}
  Pending pending() const { return Pending(state_); }

  /// Runs what waits, on this thread or by way of `resume`.
  void complete(T value, const Resume& resume = {}) const {
    std::move_only_function<void()> waiter;
    {
      const std::scoped_lock lock(state_->mutex);
      state_->value = std::move(value);
      waiter = std::exchange(state_->waiter, nullptr);
    }
    state_->completed.notify_all();
    if (!waiter) return;
    if (resume) {
      resume(std::move(waiter));
    } else {
      waiter();
    }
  }

 private:
  std::shared_ptr<State> state_;
};

template <class T>
struct Pending<T>::promise_type {  // NOLINT(readability-identifier-naming): as above
  Pending get_return_object() const { return source.pending(); }
  std::suspend_never initial_suspend() const noexcept { return {}; }
  std::suspend_never final_suspend() const noexcept { return {}; }
  void return_value(T value) const { source.complete(std::move(value)); }
  [[noreturn]] void unhandled_exception() const { std::terminate(); }  // errors are values here

  Source source;
};

}  // namespace walrus::client
