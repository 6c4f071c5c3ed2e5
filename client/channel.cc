#include "channel.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "answer.h"
#include "base/assert.h"

namespace walrus::client {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 20ms;  // doubles with each failure in a row
constexpr auto kLongestPause = 500ms;

void clear(int descriptor) {
  std::uint64_t ignored = 0;
  while (::read(descriptor, &ignored, sizeof(ignored)) < 0 && errno == EINTR) {
  }
}

}  // namespace

thread_local const Channel* Channel::running = nullptr;

Channel::Channel(Options options)
    : connection_(std::move(options)),
      woken_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  WALRUS_ASSERT(woken_ >= 0 && timer_ >= 0, std::generic_category().message(errno));
  thread_ = std::thread([this] { run(); });
}

Channel::~Channel() {
  stop();
  join();
  fail_all();
  ::close(woken_);
  ::close(timer_);
}

void Channel::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake();
}

void Channel::join() {
  if (thread_.joinable()) thread_.join();
}

void Channel::wake() const {
  const std::uint64_t one = 1;
  while (::write(woken_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

void Channel::submit(Call call) {
  if (on_thread()) {
    waiting_.push_back(std::move(call));
    return;
  }
  post([this, call = std::move(call)]() mutable { waiting_.push_back(std::move(call)); });
}

void Channel::post(std::move_only_function<void()> work) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (first) wake();
}

void Channel::post_at(Call::Clock::time_point when, std::move_only_function<void()> work) {
  if (!on_thread()) {
    post([this, when, work = std::move(work)]() mutable { post_at(when, std::move(work)); });
    return;
  }
  later_.push_back({when, ++later_count_, std::move(work)});
  std::ranges::push_heap(later_, std::greater<>{});
}

void Channel::run() {
  running = this;
  const std::array also{woken_, timer_};
  while (take_posted()) {
    run_due();
    send_waiting();
    take_answers();
    {
      const std::scoped_lock lock(mutex_);
      if (stop_ || !posted_.empty()) continue;
    }
    if (!waiting_.empty() && in_flight_.size() < kMaxInFlight && connection_.unsent_bytes() < kMaxUnsentBytes) continue;
    arm();
    connection_.wait_ready(also);
    clear(woken_);
    clear(timer_);
  }
  fail_all();
}

bool Channel::take_posted() {
  std::vector<std::move_only_function<void()>> posted;
  {
    const std::scoped_lock lock(mutex_);
    if (stop_) return false;
    posted.swap(posted_);
  }
  for (auto& work : posted) work();
  return true;
}

void Channel::run_due() {
  const auto now = Call::Clock::now();
  while (!later_.empty() && later_.front().when <= now) {
    std::ranges::pop_heap(later_, std::greater<>{});
    auto work = std::move(later_.back().work);
    later_.pop_back();
    work();
  }
}

/// The timer goes off when the next of later_ is due.
void Channel::arm() {
  itimerspec when{};
  if (!later_.empty()) {
    const auto left = std::max<std::chrono::nanoseconds>(later_.front().when - Call::Clock::now(), 1ns);
    when.it_value.tv_sec = static_cast<time_t>(left / 1s);
    when.it_value.tv_nsec = static_cast<long>((left % 1s).count());
  }
  ::timerfd_settime(timer_, 0, &when, nullptr);
}

void Channel::send_waiting() {
  while (!waiting_.empty() && in_flight_.size() < kMaxInFlight && connection_.unsent_bytes() < kMaxUnsentBytes) {
    Call call = std::move(waiting_.front());
    waiting_.pop_front();
    if (auto queued = connection_.enqueue(call.request); !queued) {
      call.done(std::unexpected(std::move(queued.error())));
    } else {
      in_flight_.push_back(std::move(call));
    }
  }
}

void Channel::take_answers() {
  while (!in_flight_.empty()) {
    const auto reply = connection_.take_reply();
    if (!reply) {
      on_break(reply.error());
    } else if (*reply) {
      on_answer(**reply);
    } else {
      return;
    }
  }
}

void Channel::on_answer(const Reply& reply) {
  Call call = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (reply.kind != Reply::Kind::kError) {
    call.done(reply);
    return;
  }
  const Error error = server_error(reply);
  const bool not_carried_out = error.kind == ErrorKind::kServer && is_transient(reply.payload);
  if (not_carried_out || (error.kind == ErrorKind::kOutcomeUnknown && call.repeatable)) {
    again(std::move(call), error);
  } else {
    call.done(std::unexpected(error));
  }
}

/// The connection is gone: the first of what was in flight may have been carried out, the rest was not.
void Channel::on_break(const Error& error) {
  std::deque<Call> broken;
  broken.swap(in_flight_);
  std::size_t unknown = error.unanswered.unknown;
  for (Call& call : broken) {
    Error own = error;
    if (unknown > 0) {
      --unknown;
      own.kind = error.kind == ErrorKind::kProtocol ? ErrorKind::kProtocol : ErrorKind::kOutcomeUnknown;
    } else if (error.kind != ErrorKind::kCannotConnect) {
      own.kind = ErrorKind::kNotSent;
    }
    if (own.kind == ErrorKind::kProtocol || (own.kind == ErrorKind::kOutcomeUnknown && !call.repeatable)) {
      call.done(std::unexpected(own));
    } else {
      again(std::move(call), own);
    }
  }
}

/// Sends the call again after a pause, or tells `error` when its time is over.
void Channel::again(Call call, const Error& error) {
  const auto now = Call::Clock::now();
  const auto pause =
      std::min<std::chrono::milliseconds>(kFirstPause * (1U << std::min(call.attempts, 5U)), kLongestPause);
  if (!call.retry || now + pause > call.deadline) {
    call.done(std::unexpected(error));
    return;
  }
  ++call.attempts;
  post_at(now + pause, [this, call = std::move(call)]() mutable { waiting_.push_back(std::move(call)); });
}

void Channel::fail_all() {
  // What waits for its time hands its calls over first, so that each is told.
  for (Later& later : std::exchange(later_, {})) later.work();
  std::vector<std::move_only_function<void()>> posted;
  {
    const std::scoped_lock lock(mutex_);
    posted.swap(posted_);
  }
  for (auto& work : posted) work();
  const std::string text = "the client was closed";
  for (Call& call : std::exchange(in_flight_, {})) {
    call.done(std::unexpected(Error{.kind = ErrorKind::kOutcomeUnknown, .text = text}));
  }
  while (!waiting_.empty()) {
    Call call = std::move(waiting_.front());
    waiting_.pop_front();
    call.done(std::unexpected(Error{.kind = ErrorKind::kNotSent, .text = text}));
  }
}

}  // namespace walrus::client
