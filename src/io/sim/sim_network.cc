#include "io/sim/sim_network.h"

#include <algorithm>

#include "base/assert.h"
#include "base/limits.h"
#include "io/sim/sim_transport.h"

namespace walrus::io {

SimNetwork::SimNetwork(SimWorld& world) : world_(world), random_(world.random().fork()) {}

SimNetwork::~SimNetwork() { WALRUS_ASSERT(transports_.empty(), "the network outlives its transports"); }

std::unique_ptr<Transport> SimNetwork::make_transport(NodeId node, std::uint32_t channel, std::string address,
                                                      SimLoop& loop) {
  nodes_.insert(node);
  addresses_[address] = node;
  auto transport = std::make_unique<SimTransport>(*this, node, channel, loop);
  const bool first = transports_.emplace(std::pair(node, channel), transport.get()).second;
  WALRUS_ASSERT(first, "the node has a transport for this channel already");
  return transport;
}

SimNetwork::Link& SimNetwork::link(NodeId from, NodeId to) {
  const auto [found, is_new] = links_.try_emplace(Pair(from, to));
  if (is_new) {
    found->second.delay_low = defaults_.delay_low;
    found->second.delay_high = defaults_.delay_high;
    found->second.loss = defaults_.loss;
  }
  return found->second;
}

void SimNetwork::set_delays(Duration low, Duration high) {
  defaults_.delay_low = low;
  defaults_.delay_high = high;
  for (const auto& [pair, link] : links_) set_delays(pair.first, pair.second, low, high);
}

void SimNetwork::set_loss(double probability) {
  defaults_.loss = probability;
  for (auto& [pair, link] : links_) link.loss = probability;
}

void SimNetwork::set_delays(NodeId from, NodeId to, Duration low, Duration high) {
  WALRUS_ASSERT(Duration{0} <= low && low <= high);
  link(from, to).delay_low = low;
  link(from, to).delay_high = high;
}

void SimNetwork::set_loss(NodeId from, NodeId to, double probability) { link(from, to).loss = probability; }

Duration SimNetwork::delay(NodeId from, NodeId to) {
  const Link& of = link(from, to);
  return random_.between(of.delay_low, of.delay_high);
}

bool SimNetwork::loses(NodeId from, NodeId to) {
  const double loss = link(from, to).loss;
  return loss > 0 && random_.chance(loss);
}

Duration SimNetwork::lateness() {
  return late_ > 0 && random_.chance(late_) ? random_.between(Duration(0), latest_) : Duration(0);
}

void SimNetwork::replay_perhaps(const SimConnection::Side& from, const SimConnection::Side& to, const SimFrame& frame) {
  if (replays_ == 0 || frame.kind == SimFrame::Kind::kReply || !replayed_(*frame.content)) return;
  if (!random_.chance(replays_)) return;
  const std::uint64_t number = next_replay_++;
  auto again = [this, number, caller = from.node, node = to.node, channel = to.channel,
                frame = SimFrame(frame)]() mutable {
    replays_under_way_.erase(number);
    SimTransport* called = find(node, channel);
    if (called != nullptr && !is_cut(caller, node)) called->replay(caller, std::move(frame));
  };
  replays_under_way_[number] =
      world_.environment().after(random_.between(Duration(0), latest_replay_), std::move(again));
}

void SimNetwork::cut(NodeId from, NodeId to) {
  Link& broken = link(from, to);
  if (broken.cut) return;
  broken.cut = true;
  broken.silence = world_.environment().after(limits::kPeerSilenceLimit, [this, from, to] {
    for (const auto& connection : connections_between(from, to)) connection->break_off("nothing heard for too long");
  });
}

void SimNetwork::heal(NodeId from, NodeId to) {
  Link& healed = link(from, to);
  if (!healed.cut) return;
  healed.cut = false;
  healed.silence.cancel();
  for (const auto& connection : connections_between(from, to)) connection->resume(from, to);
}

void SimNetwork::partition(const std::set<NodeId>& side) {
  for (const NodeId inside : side) {
    for (const NodeId outside : nodes_) {
      if (side.contains(outside)) continue;
      cut(inside, outside);
      cut(outside, inside);
    }
  }
}

void SimNetwork::heal_all() {
  for (const auto& [pair, link] : links_) heal(pair.first, pair.second);
}

void SimNetwork::break_connections(NodeId a, NodeId b) {
  for (const auto& connection : connections_between(a, b)) connection->break_off("reset");
}

bool SimNetwork::is_cut(NodeId from, NodeId to) const {
  const auto found = links_.find(Pair(from, to));
  return found != links_.end() && found->second.cut;
}

std::optional<NodeId> SimNetwork::node_at(const std::string& address) const {
  const auto found = addresses_.find(address);
  if (found == addresses_.end()) return std::nullopt;
  return found->second;
}

SimTransport* SimNetwork::find(NodeId node, std::uint32_t channel) const {
  const auto exact = transports_.find({node, channel});
  if (exact != transports_.end()) return exact->second;
  if (channel == Channel::kNode) return nullptr;
  // A shard's channel reaches the shard with that number modulo the receiver's number of shards.
  std::uint32_t shards = 0;
  while (transports_.contains({node, Channel::shard(shards)})) ++shards;
  if (shards == 0) return nullptr;
  return transports_.at({node, Channel::shard((channel - Channel::shard(0)) % shards)});
}

std::shared_ptr<SimConnection> SimNetwork::connect(SimConnection::Side caller, SimTransport& called) {
  auto connection = std::make_shared<SimConnection>(*this, next_connection_++, std::move(caller), called.side());
  called.accept(connection);
  std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
  connections_.push_back(connection);
  return connection;
}

void SimNetwork::remove(SimTransport& transport) {
  std::erase_if(transports_, [&](const auto& entry) { return entry.second == &transport; });
}

std::vector<std::shared_ptr<SimConnection>> SimNetwork::connections_between(NodeId a, NodeId b) {
  std::vector<std::shared_ptr<SimConnection>> found;
  for (const auto& weak : connections_) {
    const auto connection = weak.lock();
    if (connection && !connection->broken() && connection->joins(a, b)) found.push_back(connection);
  }
  return found;
}

}  // namespace walrus::io
