#include "net/session_group.h"

#include <boost/asio/post.hpp>

#include <utility>

#include "base/assert.h"

namespace walrus::net {

namespace asio = boost::asio;
using boost::system::error_code;

SessionGroup::SessionGroup(asio::io_context& context, broker::RequestSink& sink, SessionOptions options,
                           std::shared_ptr<ConnectionCount> count)
    : context_(context),
      sink_(sink),
      options_(options),
      count_(std::move(count)),
      read_buffer_(limits::kClientReadBytes),
      large_frames_(options.max_large_frames_bytes),
      sweep_timer_(context),
      stop_timer_(context) {}

SessionGroup::~SessionGroup() {
  stopped_ = nullptr;
  while (!sessions_.empty()) sessions_.back()->close();
}

void SessionGroup::adopt(asio::ip::tcp::socket socket, std::optional<Error> refusal) {
  auto session = std::make_shared<ClientSession>(*this, std::move(socket));
  session->registry_index = sessions_.size();
  sessions_.push_back(session);
  if (stopped_) {
    session->close();
  } else if (refusal) {
    session->refuse(*refusal);
  } else {
    session->start();
  }
  if (!sweeping_ && !sessions_.empty()) arm_sweep();
}

void SessionGroup::remove(ClientSession& session) {
  const std::size_t index = session.registry_index;
  WALRUS_ASSERT(index < sessions_.size() && sessions_[index].get() == &session);
  sessions_[index] = std::move(sessions_.back());
  sessions_[index]->registry_index = index;
  sessions_.pop_back();
  count_->open.fetch_sub(1, std::memory_order_relaxed);
  finish_stop();
}

void SessionGroup::change_held(std::size_t before, std::size_t now) {
  WALRUS_ASSERT(held_bytes_ >= before);
  held_bytes_ = held_bytes_ - before + now;
}

std::size_t SessionGroup::buffer_bytes() const {
  std::size_t bytes = 0;
  for (const auto& session : sessions_) bytes += session->buffer_bytes();
  return bytes;
}

// Turns.

void SessionGroup::schedule(std::shared_ptr<ClientSession> session) {
  scheduled_.push_back(std::move(session));
  if (scheduled_.size() == 1) asio::post(context_, [this] { run_scheduled(); });
}

void SessionGroup::run_scheduled() {
  running_.swap(scheduled_);
  for (const auto& session : running_) session->turn();
  running_.clear();
}

// Deadlines.

std::uint64_t SessionGroup::sweeps_in(std::chrono::milliseconds time) const {
  return static_cast<std::uint64_t>((time + options_.sweep_interval - std::chrono::milliseconds(1)) /
                                    options_.sweep_interval);
}

void SessionGroup::arm_sweep() {
  sweeping_ = true;
  sweep_timer_.expires_after(options_.sweep_interval);
  sweep_timer_.async_wait([this](error_code error) {
    if (!error) sweep();
  });
}

void SessionGroup::sweep() {
  ++sweep_number_;
  // From the back: a session that closes is replaced by the last one, which has had its turn.
  for (std::size_t i = sessions_.size(); i-- > 0;) {
    const auto session = sessions_[i];
    session->sweep();
  }
  sweeping_ = false;
  if (!sessions_.empty()) arm_sweep();
}

// Stopping.

void SessionGroup::stop(std::chrono::milliseconds patience, std::move_only_function<void()> stopped) {
  WALRUS_ASSERT(!stopped_, "stop() is called once");
  stopped_ = std::move(stopped);
  stop_timer_.expires_after(patience);
  stop_timer_.async_wait([this](error_code error) {
    if (error) return;
    for (const auto& session : std::vector(sessions_)) session->close();
  });
  for (const auto& session : std::vector(sessions_)) session->drain();
  finish_stop();
}

void SessionGroup::finish_stop() {
  if (!stopped_ || !sessions_.empty()) return;
  stop_timer_.cancel();
  sweep_timer_.cancel();
  asio::post(context_, [done = std::exchange(stopped_, [] {})]() mutable { done(); });
}

}  // namespace walrus::net
