// A listener, a session group and a sink that is not a broker, on a thread of their own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/listener.h"
#include "net/session_group.h"
#include "tests/unit/net/loop_thread.h"

namespace walrus::net {

/// Answers OK to PUT and REGISTER, the topic's name to GET and STATE; at once, or when it is told to.
class FakeSink final : public broker::RequestSink {
 public:
  struct Held {
    protocol::Verb verb;
    std::string topic;
    std::string payload;
    std::shared_ptr<broker::AnswerSink> sink;
    std::uint64_t slot;
  };

  void submit(const protocol::Request& request, const std::shared_ptr<broker::AnswerSink>& sink,
              std::uint64_t slot) override {
    ++submitted;
    payload_bytes += request.payload.size();
    Held one{request.verb, std::string(request.topic), std::string(request.payload), sink, slot};
    if (hold) {
      held.push_back(std::move(one));
    } else {
      answer(one);
      sink->flush();
    }
  }
  void flush() override { ++flushes; }

  void answer(const Held& request) {
    using Kind = broker::Answer::Kind;
    const bool reads = request.verb == protocol::Verb::kGet || request.verb == protocol::Verb::kState;
    if (request.topic == "none") {
      request.sink->answer(request.slot, {Kind::kEmpty, {}});
    } else if (reads) {
      request.sink->answer(request.slot, {Kind::kOkPayload, record.empty() ? request.topic : record});
    } else {
      request.sink->answer(request.slot, {Kind::kOk, {}});
    }
  }

  bool hold = false;
  std::deque<Held> held;
  std::string record;  // what GET and STATE answer, unless empty
  std::size_t submitted = 0;
  std::size_t payload_bytes = 0;
  std::size_t flushes = 0;
};

class SessionServer {
 public:
  explicit SessionServer(SessionOptions options = {}, std::size_t max_connections = limits::kMaxConnections) {
    loop_.run([&] {
      group_ = std::make_unique<SessionGroup>(loop_.context(), sink_, options, count_);
      auto acceptor = TcpAcceptor::open(loop_.context(), "127.0.0.1", 0);
      listener_ =
          std::make_unique<Listener>(std::move(acceptor).value(), std::vector{group_.get()}, count_, max_connections);
      listener_->start();
    });
  }
  ~SessionServer() {
    loop_.run([&] { listener_->stop(); });
    stop_group();
    loop_.stop();
  }

  std::uint16_t port() const { return listener_->port(); }
  FakeSink& sink() { return sink_; }
  SessionGroup& group() { return *group_; }
  std::size_t open_connections() const { return count_->open; }

  /// `call(*this)` on the loop's thread.
  template <class Call>
  auto run(Call call) {
    return loop_.run([&] { return call(*this); });
  }

  /// Waits until `condition(*this)`, asked on the loop's thread, holds; false after ten seconds.
  template <class Condition>
  bool wait_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!run(condition)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  void stop_group(std::chrono::milliseconds patience = std::chrono::milliseconds(100)) {
    if (std::exchange(stopped_, true)) return;
    std::promise<void> done;
    loop_.run([&] { group_->stop(patience, [&] { done.set_value(); }); });
    done.get_future().wait();
  }

 private:
  LoopThread loop_;  // outlives what uses its context
  FakeSink sink_;
  std::shared_ptr<ConnectionCount> count_ = std::make_shared<ConnectionCount>();
  std::unique_ptr<SessionGroup> group_;
  std::unique_ptr<Listener> listener_;
  bool stopped_ = false;
};

}  // namespace walrus::net
