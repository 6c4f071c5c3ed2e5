#include "net/peer_link.h"

#include <boost/asio/connect.hpp>

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "io/message.h"
#include "net/tcp_acceptor.h"

namespace walrus::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using protocol::PeerFrameKind;

io::Message error_message(const Error& error) {
  peer::ErrorReply reply;
  reply.set_error(static_cast<std::uint32_t>(error.code));
  reply.set_detail(error.detail);
  return io::make_message(peer::ERROR_REPLY, reply);
}

Result<io::Message> result_of_reply(io::Message message) {
  if (message.type != peer::ERROR_REPLY) return message;
  WALRUS_ASSIGN(const auto error, io::parse_header<peer::ErrorReply>(message, peer::ERROR_REPLY));
  return fail(error_from_number(static_cast<std::uint16_t>(error.error())), error.detail());
}

PeerLink::PeerLink(PeerLinkContext& context, NodeId node, std::string address)
    : context_(context), node_(node), address_(std::move(address)) {}

void PeerLink::send(io::Message message) { std::ignore = dispatch(0, std::move(message)); }

void PeerLink::call(io::Message message, io::Duration timeout, io::Reply reply) {
  const std::uint64_t id = next_call_++;
  Status dispatched = dispatch(id, std::move(message));
  if (!dispatched) {
    context_.loop.post(
        [reply = std::move(reply), error = std::move(dispatched.error())]() mutable { reply(fail(std::move(error))); });
    return;
  }
  Call& call = calls_[id];
  call.reply = std::move(reply);
  call.timer = context_.loop.after(timeout, [weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) self->on_timeout(id);
  });
}

Status PeerLink::dispatch(std::uint64_t call_id, io::Message message) {
  if (state_ == State::kReady) {
    const auto kind = call_id == 0 ? PeerFrameKind::kOneWay : PeerFrameKind::kCall;
    const Status sent = connection_->send(kind, call_id, std::move(message));
    if (!sent) return fail(ErrorCode::kUnavailable, sent.error().message());
    return {};
  }
  if (state_ == State::kIdle) {
    if (context_.loop.now() < retry_at_) return fail(ErrorCode::kUnavailable, last_failure_);
    connect();
  }
  const std::size_t size = message.header.size() + message.body.size();
  if (!waiting_.empty() && waiting_bytes_ + size > context_.connection.max_queued_bytes) {
    return fail(ErrorCode::kUnavailable, "queue to " + address_ + " is full");
  }
  waiting_bytes_ += size;
  waiting_.push_back({call_id, std::move(message)});
  return {};
}

void PeerLink::set_address(const std::string& address) {
  if (address == address_) return;
  address_ = address;
  if (state_ != State::kIdle) give_up({ErrorCode::kUnavailable, "the node has moved to " + address});
  retry_at_ = {};
  pause_ = {};
}

void PeerLink::close(const std::string& why) {
  give_up({ErrorCode::kUnavailable, why});
  retry_at_ = io::TimePoint::max();
}

// Connecting.

void PeerLink::connect() {
  state_ = State::kConnecting;
  const std::uint64_t attempt = ++attempt_;
  connect_timer_ = context_.loop.after(context_.connect_timeout, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->state_ != State::kReady) self->give_up({ErrorCode::kUnavailable, "connecting takes too long"});
  });
  const auto parts = split_address(address_);
  if (!parts) {
    context_.loop.post([weak = weak_from_this(), attempt, error = parts.error()] {
      const auto self = weak.lock();
      if (self && self->attempt_ == attempt) self->give_up(error);
    });
    return;
  }
  error_code not_numeric;
  const auto numeric = asio::ip::make_address(parts->first, not_numeric);
  if (!not_numeric) {
    connect_to(tcp::resolver::results_type::create(tcp::endpoint(numeric, parts->second), "", ""));
    return;
  }
  resolving_ = std::make_shared<tcp::resolver>(context_.loop.context());
  resolving_->async_resolve(
      parts->first, std::to_string(parts->second),
      [weak = weak_from_this(), attempt](error_code error, const tcp::resolver::results_type& endpoints) {
        const auto self = weak.lock();
        if (!self || self->attempt_ != attempt || self->state_ != State::kConnecting) return;
        if (error) {
          self->give_up({ErrorCode::kUnavailable, error.message()});
        } else {
          self->connect_to(endpoints);
        }
      });
}

void PeerLink::connect_to(const tcp::resolver::results_type& endpoints) {
  connecting_ = std::make_shared<tcp::socket>(context_.loop.context());
  asio::async_connect(*connecting_, endpoints,
                      [weak = weak_from_this(), attempt = attempt_](error_code error, const tcp::endpoint&) {
                        const auto self = weak.lock();
                        if (!self || self->attempt_ != attempt || self->state_ != State::kConnecting) return;
                        if (error) {
                          self->give_up({ErrorCode::kUnavailable, error.message()});
                        } else {
                          self->say_hello();
                        }
                      });
}

void PeerLink::say_hello() {
  state_ = State::kHello;
  connection_ = std::make_shared<PeerConnection>(context_.loop, std::move(*connecting_), context_.connection);
  connecting_.reset();
  connection_->start({.on_frame =
                          [weak = weak_from_this()](PeerFrameKind kind, std::uint64_t call_id, io::Message message) {
                            if (const auto self = weak.lock()) self->on_frame(kind, call_id, std::move(message));
                          },
                      .on_closed =
                          [weak = weak_from_this()](const Error& why) {
                            if (const auto self = weak.lock()) self->give_up(why);
                          }});
  std::ignore = connection_->send(PeerFrameKind::kOneWay, 0,
                                  io::make_message(peer::HELLO, make_hello(context_.self, node_, context_.channel)));
}

void PeerLink::on_frame(PeerFrameKind kind, std::uint64_t call_id, io::Message message) {
  if (state_ == State::kHello) {
    on_hello_reply(message);
  } else if (kind == PeerFrameKind::kReply) {
    on_reply(call_id, std::move(message));
  }  // nothing else is sent towards the side that connected
}

void PeerLink::on_hello_reply(const io::Message& message) {
  const auto reply = io::parse_header<peer::HelloReply>(message, peer::HELLO_REPLY);
  if (!reply) {
    give_up(reply.error());
    return;
  }
  Status verdict = check_hello_reply(context_.self, node_, *reply);
  const bool refused_by_them = !verdict && reply->error() != 0;
  if (verdict && node_ != NodeId() && context_.identity_check) {
    verdict = context_.identity_check(node_, uuid_of_field(reply->disk_id()));
  }
  if (verdict) {
    on_ready();
    return;
  }
  const bool identity = refused_by_them && verdict.error().code == ErrorCode::kIdentityRefused;
  const bool foreign = foreign_cluster(context_.self, *reply);
  const PeerRefusal refusal{address_, verdict.error(), identity && !foreign, foreign};
  const bool perhaps_later = refused_by_them && verdict.error().code == ErrorCode::kUnavailable;
  if (context_.on_refused && !perhaps_later) context_.on_refused(refusal);
  // Who asks to be taken in hears why not; others know only that the node cannot be reached.
  const bool guest = node_ == NodeId();
  give_up(identity && guest ? verdict.error() : Error{ErrorCode::kUnavailable, verdict.error().message()});
}

void PeerLink::on_ready() {
  state_ = State::kReady;
  connect_timer_.cancel();
  pause_ = {};
  last_failure_.clear();
  waiting_bytes_ = 0;
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    const auto kind = waiting.call_id == 0 ? PeerFrameKind::kOneWay : PeerFrameKind::kCall;
    const Status sent = connection_->send(kind, waiting.call_id, std::move(waiting.message));
    if (!sent && waiting.call_id != 0) {
      finish(waiting.call_id, fail(ErrorCode::kUnavailable, sent.error().message()));
    }
  }
}

// Ends.

void PeerLink::on_reply(std::uint64_t call_id, io::Message message) {
  finish(call_id, result_of_reply(std::move(message)));
}

void PeerLink::on_timeout(std::uint64_t call_id) {
  const auto waiting = std::ranges::find(waiting_, call_id, &Waiting::call_id);
  if (waiting == waiting_.end()) {
    finish(call_id, fail(ErrorCode::kOutcomeUnknown, "no reply in time from " + address_));
    return;
  }
  waiting_bytes_ -= waiting->message.header.size() + waiting->message.body.size();
  waiting_.erase(waiting);
  finish(call_id, fail(ErrorCode::kUnavailable, "no connection in time to " + address_));
}

void PeerLink::finish(std::uint64_t call_id, Result<io::Message> result) {
  const auto found = calls_.find(call_id);
  if (found == calls_.end()) return;  // it timed out before
  Call call = std::move(found->second);
  calls_.erase(found);
  call.reply(std::move(result));
}

void PeerLink::give_up(const Error& why) {
  const auto keep_alive = shared_from_this();
  state_ = State::kIdle;
  connect_timer_.cancel();
  if (connecting_) {
    error_code ignored;
    connecting_->close(ignored);
    connecting_.reset();
  }
  resolving_.reset();
  if (connection_) connection_->close();
  pause_ = std::clamp<io::Duration>(pause_ * 2, limits::kPeerReconnectMin, limits::kPeerReconnectMax);
  retry_at_ = context_.loop.now() + pause_;
  const std::string text = (node_ == NodeId() ? "" : fmt::format("node {} at ", node_)) + address_ + ": " +
                           (why.code == ErrorCode::kUnavailable ? why.detail : why.message());
  if (last_failure_ != text) log::debug("connection lost: {}", text);
  last_failure_ = text;
  fail_calls(why.code == ErrorCode::kIdentityRefused ? why : Error{ErrorCode::kUnavailable, text});
}

void PeerLink::fail_calls(const Error& unsent_error) {
  std::unordered_set<std::uint64_t> unsent;
  if (connection_) {
    for (const std::uint64_t id : connection_->unsent_calls()) unsent.insert(id);
  }
  for (const Waiting& waiting : waiting_) unsent.insert(waiting.call_id);
  connection_.reset();
  waiting_.clear();
  waiting_bytes_ = 0;
  // All state is settled by now: a reply may well send the next call.
  for (auto& [id, call] : std::exchange(calls_, {})) {
    call.reply(unsent.contains(id) ? fail(unsent_error)
                                   : fail(ErrorCode::kOutcomeUnknown, "connection lost to " + last_failure_));
  }
}

}  // namespace walrus::net
