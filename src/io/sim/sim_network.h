// The network between simulated nodes. make_transport() gives each loop of each node its io::Transport; the rest are
// the faults.
//
// What holds for transports (io/transport.h) holds here: order per connection, at most once, loss only together with
// the connection. A connection is made when it is first needed; while that fails, messages fail with kUnavailable.
//
// Faults, per direction of a link:
//   delay   each message takes a random time in [low, high]; order within a connection is kept
//   loss    a message is lost with this probability, and its connection with it: what is under way is gone, and calls
//           that wait for a reply end with kOutcomeUnknown
//   cut     nothing arrives any more, and nobody is told. When the link heals before kPeerSilenceLimit, what was under
//           way arrives late; else the connections between the two nodes break
//   late    a side of a broken connection hears of it only after a while, and what was under way to it arrives until
//           then: behind what the other side has sent on a new connection, so that messages overtake each other
//   replay  a message that has arrived comes once more after a while, as if its sender had sent it again; who answers
//           it is not heard. No connection does that, so only for messages that are made to bear it
//
// Everything is decided by the world's seed. Outlives the transports. One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/sim/sim_connection.h"
#include "io/sim/sim_loop.h"
#include "io/transport.h"

namespace walrus::io {

class SimTransport;

/// A message on its way: what `connection` (a number of its own for each) has taken on.
struct SimSent {
  std::uint64_t connection;
  NodeId from;
  NodeId to;
  const SimFrame& frame;
};

class SimNetwork {
 public:
  explicit SimNetwork(SimWorld& world);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  /// `address` is where the node listens, the same for all its channels. A restarted node makes new transports.
  std::unique_ptr<Transport> make_transport(NodeId node, std::uint32_t channel, std::string address, SimLoop& loop);

  /// Of all links, present and future.
  void set_delays(Duration low, Duration high);
  void set_loss(double probability);
  /// Of one direction of one link.
  void set_delays(NodeId from, NodeId to, Duration low, Duration high);
  void set_loss(NodeId from, NodeId to, double probability);

  /// Of all connections from now on: how often a side hears late that one is broken, and how late at most.
  void set_late(double probability, Duration most) {
    late_ = probability;
    latest_ = most;
  }

  /// Of all messages but replies for which `which` holds: how often one comes again, and how late at most.
  void set_replays(double probability, Duration most, std::function<bool(const Message&)> which) {
    replays_ = probability;
    latest_replay_ = most;
    replayed_ = std::move(which);
  }
  /// Begun so far.
  std::uint64_t replays() const { return next_replay_; }

  void cut(NodeId from, NodeId to);
  void heal(NodeId from, NodeId to);
  /// Cuts both directions between these nodes and all others known so far.
  void partition(const std::set<NodeId>& side);
  void isolate(NodeId node) { partition({node}); }
  void heal_all();
  /// As a firewall that resets connections: new ones can be made at once.
  void break_connections(NodeId a, NodeId b);

  bool is_cut(NodeId from, NodeId to) const;
  /// Called with each message that is sent, from inside the sender's task: for checkers, and for faults that come with
  /// a certain message. It must not change anything of the run there and then.
  using Observer = std::function<void(const SimSent&)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

  /// Messages that arrived at a transport so far.
  std::uint64_t delivered() const { return delivered_; }

 private:
  friend class SimConnection;
  friend class SimTransport;
  friend class SimPeerLink;

  struct Link {
    Duration delay_low = std::chrono::microseconds(100);
    Duration delay_high = std::chrono::milliseconds(2);
    double loss = 0;
    bool cut = false;
    Timer silence;
  };
  using Pair = std::pair<NodeId, NodeId>;

  Link& link(NodeId from, NodeId to);
  Duration delay(NodeId from, NodeId to);
  bool loses(NodeId from, NodeId to);
  Duration lateness();
  void replay_perhaps(const SimConnection::Side& from, const SimConnection::Side& to, const SimFrame& frame);

  /// The node that listens, or last listened, at an address.
  std::optional<NodeId> node_at(const std::string& address) const;
  /// The transport that a channel of `node` reaches, if the node is up.
  SimTransport* find(NodeId node, std::uint32_t channel) const;
  std::shared_ptr<SimConnection> connect(SimConnection::Side caller, SimTransport& called);
  void remove(SimTransport& transport);
  std::vector<std::shared_ptr<SimConnection>> connections_between(NodeId a, NodeId b);

  SimWorld& world_;
  Random random_;
  Link defaults_;
  std::map<Pair, Link> links_;
  std::map<std::pair<NodeId, std::uint32_t>, SimTransport*> transports_;
  std::map<std::string, NodeId> addresses_;
  std::set<NodeId> nodes_;
  std::vector<std::weak_ptr<SimConnection>> connections_;
  double late_ = 0;
  Duration latest_{0};
  double replays_ = 0;
  Duration latest_replay_{0};
  std::function<bool(const Message&)> replayed_;
  std::map<std::uint64_t, Timer> replays_under_way_;
  std::uint64_t next_replay_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t next_connection_ = 0;
  Observer observer_;
};

}  // namespace walrus::io
