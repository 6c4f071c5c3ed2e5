// The way from this loop to one other node: a connection that is opened when it is first needed, and the calls that
// wait for their replies.
//
// Happy path: the first message connects and says hello; what is sent meanwhile waits, bounded, and goes out when the
// other side has agreed. A reply finds its call by id.
//
// Failure: when the connection cannot be had, everything that waits fails with kUnavailable, and so does what comes
// until the pause before the next attempt is over (kPeerReconnectMin, doubled up to kPeerReconnectMax). When it breaks,
// calls of which no byte had left fail with kUnavailable, the others with kOutcomeUnknown.
//
// Loop thread only. A reply never runs inside send() or call().
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "io/asio_loop.h"
#include "io/transport.h"
#include "net/peer_connection.h"
#include "net/peer_identity.h"

namespace walrus::net {

/// Somebody would not have us. `own_fault`: our identity is refused by a member of our own cluster (or of the one that
/// we want to join), so that going on is pointless.
struct PeerRefusal {
  std::string address;
  Error error;
  bool own_fault = false;
  bool foreign_cluster = false;
};

/// What the links of one transport share.
struct PeerLinkContext {
  io::AsioLoop& loop;
  std::uint32_t channel = 0;
  PeerIdentity self;
  PeerConnectionOptions connection;
  io::Duration connect_timeout = limits::kPeerConnectTimeout;
  IdentityCheck identity_check;
  std::function<void(const PeerRefusal&)> on_refused;
};

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  /// `node` is whom we mean to reach; 0: whoever is there. `context` outlives the link.
  PeerLink(PeerLinkContext& context, NodeId node, std::string address);

  void send(io::Message message);
  void call(io::Message message, io::Duration timeout, io::Reply reply);
  void set_address(const std::string& address);
  /// Fails what is under way, as when the connection breaks.
  void hang_up(const std::string& why) { give_up({ErrorCode::kUnavailable, why}); }
  /// Fails what is under way; no reply is lost.
  void close(const std::string& why);

  bool connected() const { return state_ == State::kReady; }

 private:
  enum class State : std::uint8_t { kIdle, kConnecting, kHello, kReady };
  struct Waiting {
    std::uint64_t call_id;  // 0: one way
    io::Message message;
  };
  struct Call {
    io::Reply reply;
    io::Timer timer;
  };

  /// Queues or sends; an error means that it surely will not leave.
  Status dispatch(std::uint64_t call_id, io::Message message);
  void connect();
  void connect_to(const boost::asio::ip::tcp::resolver::results_type& endpoints);
  void say_hello();
  void on_frame(protocol::PeerFrameKind kind, std::uint64_t call_id, io::Message message);
  void on_hello_reply(const io::Message& message);
  void on_ready();
  void on_reply(std::uint64_t call_id, io::Message message);
  void on_timeout(std::uint64_t call_id);
  /// Back to idle, with a pause; everything under way fails.
  void give_up(const Error& why);
  void fail_calls(const Error& unsent_error);
  void finish(std::uint64_t call_id, Result<io::Message> result);

  PeerLinkContext& context_;
  const NodeId node_;
  std::string address_;
  State state_ = State::kIdle;
  std::uint64_t attempt_ = 0;  // of connecting; tells late events of an earlier one
  std::shared_ptr<boost::asio::ip::tcp::socket> connecting_;
  std::shared_ptr<boost::asio::ip::tcp::resolver> resolving_;
  std::shared_ptr<PeerConnection> connection_;
  io::Timer connect_timer_;
  io::TimePoint retry_at_{};
  io::Duration pause_{};
  std::string last_failure_;

  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::uint64_t next_call_ = 1;
};

/// An ErrorReply as the message that it travels in, and back.
io::Message error_message(const Error& error);
Result<io::Message> result_of_reply(io::Message message);

}  // namespace walrus::net
