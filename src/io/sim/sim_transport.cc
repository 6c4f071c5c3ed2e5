#include "io/sim/sim_transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace walrus::io {

// SimPeerLink

void SimPeerLink::send(Message message) {
  if (!dispatch(0, std::move(message))) return;  // lost without a word, as io/transport.h says
}

void SimPeerLink::call(Message message, Duration timeout, Reply reply) {
  const std::uint64_t id = next_call_++;
  Status dispatched = dispatch(id, std::move(message));
  if (!dispatched) {
    transport_.loop_.post(
        [reply = std::move(reply), error = std::move(dispatched.error())]() mutable { reply(fail(std::move(error))); });
    return;
  }
  Call& call = calls_[id];
  call.reply = std::move(reply);
  call.timeout = transport_.loop_.after(timeout, [weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) self->on_timeout(id);
  });
}

Status SimPeerLink::dispatch(std::uint64_t call_id, Message message) {
  if (connection_) {
    if (transmit(call_id, std::move(message))) return {};
    return fail(ErrorCode::kUnavailable, "queue to " + address_ + " is full or its connection broken");
  }
  if (!connecting_) {
    if (transport_.loop_.now() < retry_at_) return fail(ErrorCode::kUnavailable, last_failure_);
    connect();
  }
  const std::size_t size = message.header.size() + message.body.size();
  if (!waiting_.empty() && waiting_bytes_ + size > limits::kMaxPeerQueuedBytes) {
    return fail(ErrorCode::kUnavailable, "queue to " + address_ + " is full");
  }
  waiting_bytes_ += size;
  waiting_.push_back({call_id, std::move(message)});
  return {};
}

bool SimPeerLink::transmit(std::uint64_t call_id, Message message) {
  const auto kind = call_id == 0 ? SimFrame::Kind::kOneWay : SimFrame::Kind::kCall;
  return connection_->send(SimConnection::kCaller, {kind, call_id, std::move(message)});
}

void SimPeerLink::set_address(const std::string& address) {
  if (address == address_) return;
  address_ = address;
  if (connection_ || connecting_) give_up("the node has moved to " + address);
  retry_at_ = {};
  pause_ = {};
}

void SimPeerLink::close(const std::string& why) {
  give_up(why);
  retry_at_ = TimePoint::max();
}

void SimPeerLink::connect() {
  connecting_ = true;
  SimNetwork& network = transport_.network_;
  const NodeId self = transport_.node_;
  const NodeId peer = network.node_at(address_).value_or(self);
  connect_timer_ =
      transport_.loop_.after(network.delay(self, peer) + network.delay(peer, self), [this] { finish_connecting(); });
}

void SimPeerLink::finish_connecting() {
  SimNetwork& network = transport_.network_;
  const auto peer = network.node_at(address_);
  if (peer && (network.is_cut(transport_.node_, *peer) || network.is_cut(*peer, transport_.node_))) {
    connect_timer_ = transport_.loop_.after(limits::kPeerConnectTimeout, [this] { give_up("no answer"); });
    return;
  }
  SimTransport* called = peer ? network.find(*peer, transport_.channel_) : nullptr;
  if (called == nullptr) return give_up("connection refused");
  if (expected_ && *expected_ != *peer) return give_up(fmt::format("node {} is there", *peer));
  on_connected(*called);
}

void SimPeerLink::on_connected(SimTransport& called) {
  connecting_ = false;
  pause_ = {};
  connection_ = transport_.network_.connect({.node = transport_.node_,
                                             .channel = transport_.channel_,
                                             .loop = &transport_.loop_,
                                             .on_frame =
                                                 [weak = weak_from_this()](const auto&, SimFrame frame) {
                                                   if (const auto self = weak.lock())
                                                     self->finish(frame.call_id, std::move(frame.content));
                                                 },
                                             .on_broken =
                                                 [weak = weak_from_this()](const auto&, const std::string& why) {
                                                   if (const auto self = weak.lock()) self->give_up(why);
                                                 }},
                                            called);
  waiting_bytes_ = 0;
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    if (transmit(waiting.call_id, std::move(waiting.message)) || waiting.call_id == 0) continue;
    finish(waiting.call_id, fail(ErrorCode::kUnavailable, "the connection broke at once"));
  }
}

void SimPeerLink::on_timeout(std::uint64_t call_id) {
  const auto waiting = std::ranges::find(waiting_, call_id, &Waiting::call_id);
  if (waiting == waiting_.end()) {
    return finish(call_id, fail(ErrorCode::kOutcomeUnknown, "no reply in time from " + address_));
  }
  waiting_bytes_ -= waiting->message.header.size() + waiting->message.body.size();
  waiting_.erase(waiting);
  finish(call_id, fail(ErrorCode::kUnavailable, "no connection in time to " + address_));
}

void SimPeerLink::give_up(const std::string& why) {
  const auto keep_alive = shared_from_this();
  connecting_ = false;
  connect_timer_.cancel();
  if (connection_) std::exchange(connection_, nullptr)->close(SimConnection::kCaller);
  pause_ = std::clamp<Duration>(pause_ * 2, limits::kPeerReconnectMin, limits::kPeerReconnectMax);
  retry_at_ = transport_.loop_.now() + pause_;
  last_failure_ = address_ + ": " + why;
  const auto waiting = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  auto calls = std::exchange(calls_, {});
  if (transport_.loop_.stopped()) return;
  for (auto& [id, call] : calls) {
    const bool unsent = std::ranges::find(waiting, id, &Waiting::call_id) != waiting.end();
    call.reply(fail(unsent ? ErrorCode::kUnavailable : ErrorCode::kOutcomeUnknown, last_failure_));
  }
}

void SimPeerLink::finish(std::uint64_t call_id, Result<Message> result) {
  const auto found = calls_.find(call_id);
  if (found == calls_.end()) return;  // it timed out before
  Call call = std::move(found->second);
  calls_.erase(found);
  call.reply(std::move(result));
}

// SimTransport

SimTransport::SimTransport(SimNetwork& network, NodeId node, std::uint32_t channel, SimLoop& loop)
    : network_(network), node_(node), channel_(channel), loop_(loop) {}

SimTransport::~SimTransport() {
  for (const auto& [node, link] : std::exchange(links_, {})) link->close("this node is stopping");
  for (const auto& [id, link] : std::exchange(guests_, {})) link->close("this node is stopping");
  for (const auto& connection : std::exchange(accepted_, {})) connection->close(SimConnection::kCalled);
  network_.remove(*this);
}

void SimTransport::set_address(NodeId node, const std::string& host_port) {
  auto& link = links_[node];
  if (link) {
    link->set_address(host_port);
  } else {
    link = std::make_shared<SimPeerLink>(*this, node, host_port);
  }
}

void SimTransport::forget(NodeId node) {
  const auto found = links_.find(node);
  if (found == links_.end()) return;
  const auto link = found->second;
  links_.erase(found);
  link->close("the node is no longer part of the cluster");
}

void SimTransport::send(NodeId to, Message message) {
  if (const auto found = links_.find(to); found != links_.end()) found->second->send(std::move(message));
}

void SimTransport::call(NodeId to, Message message, Duration timeout, Reply reply) {
  if (const auto found = links_.find(to); found != links_.end()) {
    return found->second->call(std::move(message), timeout, std::move(reply));
  }
  loop_.post([to, reply = std::move(reply)]() mutable {
    reply(fail(ErrorCode::kUnavailable, fmt::format("no address of node {} is known", to)));
  });
}

void SimTransport::call_address(const std::string& host_port, Message message, Duration timeout, Reply reply) {
  const std::uint64_t id = next_guest_++;
  const auto link = std::make_shared<SimPeerLink>(*this, std::nullopt, host_port);
  guests_[id] = link;
  link->call(std::move(message), timeout, [this, id, reply = std::move(reply)](Result<Message> result) mutable {
    if (const auto node = guests_.extract(id)) node.mapped()->close("done");
    reply(std::move(result));
  });
}

bool SimTransport::connected(NodeId node) const {
  const auto found = links_.find(node);
  return found != links_.end() && found->second->connected();
}

SimConnection::Side SimTransport::side() {
  return {.node = node_,
          .channel = channel_,
          .loop = &loop_,
          .on_frame = [this](const auto& connection, SimFrame frame) { on_frame(connection, std::move(frame)); },
          .on_broken = [this](const auto& connection, const std::string&) { std::erase(accepted_, connection); }};
}

void SimTransport::accept(const std::shared_ptr<SimConnection>& connection) { accepted_.push_back(connection); }

void SimTransport::on_frame(const std::shared_ptr<SimConnection>& connection, SimFrame frame) {
  Reply reply;
  if (frame.kind == SimFrame::Kind::kCall) {
    reply = [weak = std::weak_ptr(connection), id = frame.call_id](Result<Message> result) {
      const auto open = weak.lock();
      if (open && !open->send(SimConnection::kCalled, {SimFrame::Kind::kReply, id, std::move(result)})) {
        open->break_off("replies are not taken");
      }
    };
  }
  if (handler_) {
    handler_(connection->caller(), std::move(*frame.content), std::move(reply));
  } else if (reply) {
    reply(fail(ErrorCode::kUnavailable, "the node is not ready"));
  }
}

void SimTransport::replay(NodeId from, SimFrame frame) {
  loop_.post([this, from, frame = std::move(frame)]() mutable {
    Reply unheard;
    if (frame.kind == SimFrame::Kind::kCall) unheard = [](const Result<Message>&) {};
    if (handler_) handler_(from, std::move(*frame.content), std::move(unheard));
  });
}

}  // namespace walrus::io
