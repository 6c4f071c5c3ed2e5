// A node that is nothing but its transport: a loop on a thread of its own, an internal port, a handler.
#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "io/asio_loop.h"
#include "net/peer_acceptor.h"
#include "net/peer_transport.h"

namespace walrus::net {

using std::chrono::milliseconds;

inline constexpr Uuid kCluster(1, 1);

/// A disk and a boot of its own for each node id.
inline PeerIdentity identity(std::uint64_t node, Uuid cluster = kCluster) {
  return {.cluster_id = cluster,
          .node_id = NodeId(node),
          .disk_id = Uuid(2, node),
          .boot_id = Uuid(3, node),
          .peer_address = "127.0.0.1:0"};
}

struct PeerNodeOptions {
  PeerTransportOptions transport;
  PeerAcceptorOptions acceptor;
  std::uint16_t port = 0;
  bool accepting = true;
};

class PeerNode {
 public:
  explicit PeerNode(PeerIdentity self, PeerNodeOptions options = {}) {
    options.transport.on_refused = [this](const PeerRefusal& refusal) {
      const std::lock_guard lock(mutex_);
      refusals_.push_back(refusal);
    };
    options.transport.connect_timeout = milliseconds(500);
    transport_ = std::make_unique<PeerTransport>(loop_, self, options.transport);
    transport_->set_handler([this](NodeId from, io::Message message, io::Reply reply) {
      handle(from, std::move(message), std::move(reply));
    });
    auto listening = TcpAcceptor::open(loop_.context(), "127.0.0.1", options.port);
    WALRUS_ASSERT(listening.has_value(), listening ? "" : listening.error().message());
    port_ = (*listening)->port();
    acceptor_ = std::make_unique<PeerAcceptor>(loop_, std::move(*listening), self, *transport_,
                                               std::vector<PeerTransport*>{}, options.acceptor);
    if (options.accepting) acceptor_->start();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~PeerNode() { kill(); }

  /// As a process ends: every connection is closed.
  void kill() {
    freeze();
    acceptor_.reset();
    transport_.reset();
    held_.clear();
  }
  /// As a process is stopped: its connections stay open, and nothing moves.
  void freeze() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  template <class Call>
  auto run(Call call) {
    std::packaged_task<std::invoke_result_t<Call, PeerNode&>()> task([&] { return call(*this); });
    auto result = task.get_future();
    loop_.post([&task] { task(); });
    return result.get();
  }

  void meet(std::uint64_t node, std::uint16_t port) {
    run([&](PeerNode&) { transport_->set_address(NodeId(node), "127.0.0.1:" + std::to_string(port)); });
  }
  void send(std::uint64_t to, io::Message message) {
    run([&](PeerNode&) { transport_->send(NodeId(to), std::move(message)); });
  }
  std::future<Result<io::Message>> start_call(std::uint64_t to, io::Message message,
                                              io::Duration timeout = std::chrono::seconds(10)) {
    auto promise = std::make_shared<std::promise<Result<io::Message>>>();
    auto result = promise->get_future();
    run([&](PeerNode&) {
      transport_->call(NodeId(to), std::move(message), timeout,
                       [promise](Result<io::Message> reply) { promise->set_value(std::move(reply)); });
    });
    return result;
  }
  Result<io::Message> call(std::uint64_t to, io::Message message) { return start_call(to, std::move(message)).get(); }
  Result<io::Message> call_address(std::uint16_t port, io::Message message) {
    auto promise = std::make_shared<std::promise<Result<io::Message>>>();
    run([&](PeerNode&) {
      transport_->call_address("127.0.0.1:" + std::to_string(port), std::move(message), std::chrono::seconds(10),
                               [promise](Result<io::Message> reply) { promise->set_value(std::move(reply)); });
    });
    return promise->get_future().get();
  }
  bool connected(std::uint64_t node) {
    return run([&](PeerNode&) { return transport_->connected(NodeId(node)); });
  }

  std::vector<PeerRefusal> refusals() {
    const std::lock_guard lock(mutex_);
    return refusals_;
  }
  std::uint16_t port() const { return port_; }
  io::AsioLoop& loop() { return loop_; }
  PeerTransport& transport() { return *transport_; }
  PeerAcceptor& acceptor() { return *acceptor_; }

  // On the loop's thread.
  struct Received {
    NodeId from;
    io::Message message;
  };
  std::vector<Received>& received() { return received_; }
  std::vector<io::Reply>& held() { return held_; }
  bool hold_replies = false;

 private:
  /// Echoes a call, an empty one with an error; keeps the rest.
  void handle(NodeId from, io::Message message, io::Reply reply) {
    received_.push_back({from, message});
    if (!reply) return;
    if (hold_replies) {
      held_.push_back(std::move(reply));
    } else if (message.header.empty()) {
      reply(fail(ErrorCode::kGap, "empty"));
    } else {
      reply(std::move(message));
    }
  }

  std::mutex mutex_;
  std::vector<PeerRefusal> refusals_;
  io::AsioLoop loop_{"peer"};
  std::unique_ptr<PeerTransport> transport_;
  std::unique_ptr<PeerAcceptor> acceptor_;
  std::vector<Received> received_;
  std::vector<io::Reply> held_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// Waits until `condition()` holds; false after ten seconds.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

inline io::Message text_message(std::string header, std::string body = {}) {
  return {.type = 20, .header = std::move(header), .body = SharedBytes(std::move(body))};
}

}  // namespace walrus::net
