// io::Transport over a SimNetwork; made by SimNetwork::make_transport(). It behaves like net/peer_transport.h: one
// connection per destination, made when first needed, with a growing pause between attempts that fail.
//
// Destroying it closes its connections, as the end of a process does. Calls that still wait get their answer then,
// unless the loop was stopped (the node crashed): nobody is left to hear it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/sim/sim_network.h"

namespace walrus::io {

/// The way from one transport to one other node.
class SimPeerLink : public std::enable_shared_from_this<SimPeerLink> {
 public:
  /// `expected` is who must be found at the address; nothing: whoever is there.
  SimPeerLink(SimTransport& transport, std::optional<NodeId> expected, std::string address)
      : transport_(transport), expected_(expected), address_(std::move(address)) {}

  void send(Message message);
  void call(Message message, Duration timeout, Reply reply);
  void set_address(const std::string& address);
  void close(const std::string& why);
  bool connected() const { return connection_ != nullptr; }

 private:
  struct Call {
    Reply reply;
    Timer timeout;
  };
  struct Waiting {
    std::uint64_t call_id;  ///< 0: one way
    Message message;
  };

  Status dispatch(std::uint64_t call_id, Message message);
  bool transmit(std::uint64_t call_id, Message message);
  void connect();
  void finish_connecting();
  void on_connected(SimTransport& called);
  void on_timeout(std::uint64_t call_id);
  void give_up(const std::string& why);
  void finish(std::uint64_t call_id, Result<Message> result);

  SimTransport& transport_;
  const std::optional<NodeId> expected_;
  std::string address_;
  std::shared_ptr<SimConnection> connection_;
  bool connecting_ = false;
  Timer connect_timer_;
  TimePoint retry_at_{};
  Duration pause_{};
  std::string last_failure_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::map<std::uint64_t, Call> calls_;
  std::uint64_t next_call_ = 1;
};

class SimTransport final : public Transport {
 public:
  SimTransport(SimNetwork& network, NodeId node, std::uint32_t channel, SimLoop& loop);
  ~SimTransport() override;

  void set_handler(Handler handler) override { handler_ = std::move(handler); }
  void set_address(NodeId node, const std::string& host_port) override;
  void forget(NodeId node) override;
  void send(NodeId to, Message message) override;
  void call(NodeId to, Message message, Duration timeout, Reply reply) override;
  void call_address(const std::string& host_port, Message message, Duration timeout, Reply reply) override;
  bool connected(NodeId node) const override;

 private:
  friend class SimNetwork;
  friend class SimPeerLink;

  /// This transport as the called side of a new connection, and that connection.
  SimConnection::Side side();
  void accept(const std::shared_ptr<SimConnection>& connection);
  void on_frame(const std::shared_ptr<SimConnection>& connection, SimFrame frame);
  /// See SimNetwork::set_replays.
  void replay(NodeId from, SimFrame frame);

  SimNetwork& network_;
  const NodeId node_;
  const std::uint32_t channel_;
  SimLoop& loop_;
  Handler handler_;
  std::map<NodeId, std::shared_ptr<SimPeerLink>> links_;
  std::map<std::uint64_t, std::shared_ptr<SimPeerLink>> guests_;  ///< of call_address()
  std::uint64_t next_guest_ = 0;
  std::vector<std::shared_ptr<SimConnection>> accepted_;
};

}  // namespace walrus::io
