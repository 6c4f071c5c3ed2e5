// Messages between nodes. A transport belongs to one loop of one node (the node loop or a shard) and keeps at most one
// connection to the same-numbered channel of each other node. Production: net/peer_transport.h over TCP. Simulation:
// io/sim/sim_network.h.
//
// What holds: messages to one node on one channel arrive in the order of sending, each at most once. Nothing is resent.
// A one-way message can be lost, with its connection or because the queue to that node was full. Calls (request and
// reply) tell the two failures apart:
//   kUnavailable     surely not carried out: it was never put on a connection, or the queue to that node was full
//   kOutcomeUnknown  it was sent, and then the connection broke or the time ran out
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "io/loop.h"

namespace walrus::io {

/// Which loop of a node a message is for. A shard channel reaches the shard with that number modulo the receiver's
/// number of shards; a receiver hands a message on to the shard that owns its topic.
struct Channel {
  static constexpr std::uint32_t kNode = 0;  ///< Raft, membership, heartbeats
  static constexpr std::uint32_t shard(std::uint32_t k) { return k + 1; }
};

/// `header` is a serialized protobuf message (protocol/peer.proto) whose kind is `type`; `body` rides untouched.
struct Message {
  std::uint16_t type = 0;
  std::string header;
  SharedBytes body;
};

using Reply = std::move_only_function<void(Result<Message>)>;

class Transport {
 public:
  /// Called for each message received. For a call, `reply` must be invoked exactly once, from this loop; for a plain
  /// send it is empty. An Error given to `reply` travels as an ErrorReply and is what the caller's Reply gets.
  using Handler = std::function<void(NodeId from, Message message, Reply reply)>;

  virtual ~Transport() = default;

  virtual void set_handler(Handler handler) = 0;

  /// Tells where a node listens; replaces an older address. An unknown node's messages fail with kUnavailable.
  virtual void set_address(NodeId node, const std::string& host_port) = 0;
  virtual void forget(NodeId node) = 0;

  /// One way; lost without a word when the node cannot be reached. Raft lives with that.
  virtual void send(NodeId to, Message message) = 0;

  /// Request and reply. `reply` runs on this loop, exactly once, never before the call returns.
  virtual void call(NodeId to, Message message, Duration timeout, Reply reply) = 0;

  /// A call to whoever listens at an address, on a connection of its own without identity: only for joining a cluster.
  virtual void call_address(const std::string& host_port, Message message, Duration timeout, Reply reply) = 0;

  /// True while a connection to `node` has passed its hello.
  virtual bool connected(NodeId node) const = 0;
};

}  // namespace walrus::io
