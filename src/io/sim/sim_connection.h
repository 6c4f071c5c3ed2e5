// One connection between two simulated nodes: what is sent on one side arrives at the other, in order, after the delay
// of the link, or is lost together with the connection.
//
// While the link is cut, frames towards the other side stay under way; they arrive when it heals, or are lost when the
// connection breaks. A side that has closed hears nothing any more. See sim_network.h.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "io/sim/sim_loop.h"
#include "io/transport.h"

namespace walrus::io {

class SimNetwork;

struct SimFrame {
  enum class Kind { kOneWay, kCall, kReply };
  Kind kind;
  std::uint64_t call_id;
  Result<Message> content;  ///< an Error only in a reply

  std::size_t size() const { return content ? content->header.size() + content->body.size() : 0; }
};

class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  enum SideName : std::size_t { kCaller, kCalled };
  struct Side {
    NodeId node;
    std::uint32_t channel;
    Loop* loop;
    std::function<void(const std::shared_ptr<SimConnection>&, SimFrame)> on_frame;
    std::function<void(const std::shared_ptr<SimConnection>&, const std::string& why)> on_broken;
  };

  SimConnection(SimNetwork& network, std::uint64_t number, Side caller, Side called);

  /// False when it surely will not arrive: broken, or too much is under way already.
  bool send(SideName from, SimFrame frame);
  /// This side wants to hear nothing more; the other learns of it when the link lets it.
  void close(SideName side);
  /// What is under way is lost, and the sides that are open are told; a side that hears of it late
  /// (SimNetwork::set_late) first gets what arrives until then.
  void break_off(const std::string& why);
  /// The link from one node to another has healed.
  void resume(NodeId from, NodeId to);

  NodeId caller() const { return sides_[kCaller].node; }
  bool broken() const { return broken_; }
  bool joins(NodeId a, NodeId b) const;

 private:
  struct UnderWay {
    TimePoint arrives;
    SimFrame frame;
  };
  /// What was sent on one side and has not arrived.
  struct Pipe {
    std::deque<UnderWay> frames;
    std::size_t bytes = 0;
    TimePoint last_arrival{};
    Timer arrival;
  };
  static SideName other(SideName side) { return side == kCaller ? kCalled : kCaller; }
  void arm(SideName from);
  void arrive(SideName from);
  void end(SideName side, const std::string& why);

  SimNetwork& network_;
  const std::uint64_t number_;
  std::array<Side, 2> sides_;
  std::array<bool, 2> open_{true, true};
  std::array<Pipe, 2> pipes_;  ///< by the side that sent
  std::array<Timer, 2> late_;  ///< until the side hears that it is broken
  bool broken_ = false;
};

}  // namespace walrus::io
