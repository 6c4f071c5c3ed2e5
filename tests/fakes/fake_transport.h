// Transports that hand messages straight to the other node's loop, unless the test has cut the way.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "io/transport.h"

namespace walrus::testing_fakes {

class FakeNetwork;

class FakeTransport : public io::Transport {
 public:
  FakeTransport(FakeNetwork& network, NodeId self, io::Loop& loop);

  void set_handler(Handler handler) override { handler_ = std::move(handler); }
  void set_address(NodeId, const std::string&) override {}
  void forget(NodeId) override {}
  void send(NodeId to, io::Message message) override;
  void call(NodeId to, io::Message message, io::Duration timeout, io::Reply reply) override;
  void call_address(const std::string&, io::Message, io::Duration, io::Reply reply) override {
    reply(fail(ErrorCode::kUnavailable));
  }
  bool connected(NodeId) const override { return true; }

 private:
  FakeNetwork& network_;
  const NodeId self_;
  io::Loop& loop_;
  Handler handler_;
};

class FakeNetwork {
 public:
  /// Calls to `node` fail with kUnavailable.
  void cut(NodeId node) { cut_.insert(node); }
  void heal(NodeId node) { cut_.erase(node); }
  /// Calls of `from` to `to` fail with kUnavailable.
  void cut_from(NodeId from, NodeId to) { cut_links_.insert({from, to}); }
  /// The next call to `node` is carried out, and its answer is lost.
  void lose_next_reply(NodeId node) { lossy_.insert(node); }
  /// Calls are carried out, and their answers wait for the release. With an error: they are all this one.
  void hold_replies() { holding_ = true; }
  void release_replies(const std::optional<Error>& error = {}) {
    holding_ = false;
    for (Held& held : std::exchange(held_, {})) {
      held.reply(error ? Result<io::Message>(fail(*error)) : std::move(held.answer));
    }
  }
  std::size_t calls() const { return calls_; }

 private:
  friend class FakeTransport;
  std::map<NodeId, FakeTransport*> nodes_;
  bool is_cut(NodeId from, NodeId to) const {
    return cut_.contains(to) || cut_links_.contains({from, to}) || !nodes_.contains(to);
  }
  std::set<NodeId> cut_;
  std::set<std::pair<NodeId, NodeId>> cut_links_;
  struct Held {
    io::Reply reply;
    Result<io::Message> answer;
  };
  std::set<NodeId> lossy_;
  bool holding_ = false;
  std::vector<Held> held_;
  std::size_t calls_ = 0;
};

inline FakeTransport::FakeTransport(FakeNetwork& network, NodeId self, io::Loop& loop)
    : network_(network), self_(self), loop_(loop) {
  network.nodes_[self] = this;
}

inline void FakeTransport::send(NodeId to, io::Message message) {
  if (network_.is_cut(self_, to)) return;
  FakeTransport* other = network_.nodes_.at(to);
  other->loop_.post(
      [self = self_, other, message = std::move(message)]() mutable { other->handler_(self, std::move(message), {}); });
}

inline void FakeTransport::call(NodeId to, io::Message message, io::Duration, io::Reply reply) {
  ++network_.calls_;
  if (network_.is_cut(self_, to)) {
    return loop_.post([reply = std::move(reply)]() mutable { reply(fail(ErrorCode::kUnavailable, "cut")); });
  }
  if (network_.lossy_.erase(to) > 0) {
    reply = [reply = std::move(reply)](const Result<io::Message>&) mutable {
      reply(fail(ErrorCode::kOutcomeUnknown, "the connection broke"));
    };
  }
  if (network_.holding_) {
    reply = [&network = network_, reply = std::move(reply)](Result<io::Message> answer) mutable {
      network.held_.push_back({std::move(reply), std::move(answer)});
    };
  }
  FakeTransport* other = network_.nodes_.at(to);
  // The caller may be gone by the time of the answer; its loop is not.
  io::Reply back = [&loop = loop_, reply = std::move(reply)](Result<io::Message> answer) mutable {
    loop.post([reply = std::move(reply), answer = std::move(answer)]() mutable { reply(std::move(answer)); });
  };
  other->loop_.post([self = self_, other, message = std::move(message), back = std::move(back)]() mutable {
    other->handler_(self, std::move(message), std::move(back));
  });
}

}  // namespace walrus::testing_fakes
