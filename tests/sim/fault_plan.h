// What is done to a simulated cluster, and when: a list that a seed decides before the run begins. Each fault ends by
// itself and none depends on another, so that a list that turns a run red can be made shorter (shrink.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "io/loop.h"

namespace walrus::sim {

enum class FaultKind {
  kKill,         ///< the process; its page cache lives on
  kPowerCut,     ///< of one node
  kPowerCutAll,  ///< of all nodes at the same moment
  kPause,        ///< the process stands still
  kIsolate,      ///< from all others
  kCutOneWay,    ///< node to other
  kCutPair,      ///< both ways; what a third one hears is another matter
  kReset,        ///< of the connections between two nodes
  kClog,         ///< messages of a link take up to half a second
  kLossy,        ///< a link loses messages, and the connection with each
  kSlowDisk,
  kFullDisk,
  kFailedWrite,  ///< of the write-ahead log; the process is started anew afterwards
  kRot,          ///< of a sealed segment
  kWipe,         ///< node and disk; it comes back under its number with an empty one
  kClockJump,
  kAtMessage,  ///< a node is harmed at the moment at which it sends, or is sent, a message of a certain kind
};

struct Fault {
  io::Duration at{};  ///< since the first moment of the run in which there are faults
  FaultKind kind = FaultKind::kKill;
  NodeId node;
  NodeId other;
  io::Duration lasts{};
  std::uint64_t choice = 0;  ///< decides what is left open above
};

/// All faults of a run of `duration`, by time. One node at most has a disk that loses or changes what it was given: two
/// of them could take away all copies of a record.
std::vector<Fault> draw_faults(std::uint64_t seed, std::size_t nodes, io::Duration duration);

/// What a kAtMessage waits for, and what it does.
struct Ambush {
  std::uint16_t message = 0;  ///< peer::MessageType
  bool at_sender = true;      ///< else at the receiver
  FaultKind harm = FaultKind::kKill;
};
Ambush ambush_of(const Fault& fault);

/// For people: "12.345s power cut of node 2 for 0.8 s".
std::string describe(const Fault& fault);

}  // namespace walrus::sim
