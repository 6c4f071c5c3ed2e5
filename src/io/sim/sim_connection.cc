#include "io/sim/sim_connection.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "io/sim/sim_network.h"

namespace walrus::io {

SimConnection::SimConnection(SimNetwork& network, std::uint64_t number, Side caller, Side called)
    : network_(network), number_(number), sides_{std::move(caller), std::move(called)} {}

bool SimConnection::joins(NodeId a, NodeId b) const {
  return (sides_[kCaller].node == a && sides_[kCalled].node == b) ||
         (sides_[kCaller].node == b && sides_[kCalled].node == a);
}

bool SimConnection::send(SideName from, SimFrame frame) {
  Pipe& pipe = pipes_[from];
  const std::size_t size = frame.size();
  if (broken_ || !open_[from]) return false;
  if (!pipe.frames.empty() && pipe.bytes + size > limits::kMaxPeerQueuedBytes) return false;
  const NodeId sender = sides_[from].node;
  const NodeId receiver = sides_[other(from)].node;
  if (network_.observer_) network_.observer_({.connection = number_, .from = sender, .to = receiver, .frame = frame});
  if (network_.loses(sender, receiver)) {
    break_off("a message was lost");
    return true;
  }
  pipe.last_arrival =
      std::max(pipe.last_arrival, network_.world_.environment().now() + network_.delay(sender, receiver));
  pipe.bytes += size;
  pipe.frames.push_back({pipe.last_arrival, std::move(frame)});
  if (pipe.frames.size() == 1) arm(from);
  return true;
}

void SimConnection::arm(SideName from) {
  Loop& environment = network_.world_.environment();
  Pipe& pipe = pipes_[from];
  pipe.arrival = environment.after(pipe.frames.front().arrives - environment.now(), [weak = weak_from_this(), from] {
    if (const auto self = weak.lock()) self->arrive(from);
  });
}

void SimConnection::arrive(SideName from) {
  const SideName to = other(from);
  if (network_.is_cut(sides_[from].node, sides_[to].node)) return;  // until resume()
  Pipe& pipe = pipes_[from];
  SimFrame frame = std::move(pipe.frames.front().frame);
  pipe.frames.pop_front();
  pipe.bytes -= frame.size();
  if (!pipe.frames.empty()) arm(from);
  ++network_.delivered_;
  network_.replay_perhaps(sides_[from], sides_[to], frame);
  sides_[to].loop->post([self = shared_from_this(), to, frame = std::move(frame)]() mutable {
    if (self->open_[to]) self->sides_[to].on_frame(self, std::move(frame));
  });
}

void SimConnection::resume(NodeId from, NodeId to) {
  for (const SideName side : {kCaller, kCalled}) {
    if (sides_[side].node != from || sides_[other(side)].node != to) continue;
    if (!pipes_[side].frames.empty()) arm(side);
    if (!open_[side]) return break_off("closed by the other side");
  }
}

void SimConnection::close(SideName side) {
  if (!std::exchange(open_[side], false)) return;
  if (!network_.is_cut(sides_[side].node, sides_[other(side)].node)) break_off("closed by the other side");
}

void SimConnection::break_off(const std::string& why) {
  if (std::exchange(broken_, true)) return;
  for (const SideName side : {kCaller, kCalled}) {
    const Duration late = network_.lateness();
    if (late == Duration(0)) {
      end(side, why);
      continue;
    }
    late_[side] = network_.world_.environment().after(late, [weak = weak_from_this(), side, why] {
      if (const auto self = weak.lock()) self->end(side, why);
    });
  }
}

void SimConnection::end(SideName side, const std::string& why) {
  pipes_[other(side)] = {};
  sides_[side].loop->post([self = shared_from_this(), side, why] {
    if (std::exchange(self->open_[side], false)) self->sides_[side].on_broken(self, why);
  });
}

}  // namespace walrus::io
