#include "tests/sim/fault_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "io/random.h"
#include "peer.pb.h"

namespace walrus::sim {

using namespace std::chrono_literals;

namespace {

constexpr io::Duration kShortestPause = 50ms;
constexpr io::Duration kLongestPause = 1500ms;
constexpr io::Duration kShortestFault = 20ms;
constexpr io::Duration kLongestFault = 4s;

/// How often each kind is drawn, in relation to the others.
struct Share {
  FaultKind kind;
  unsigned weight;
};
constexpr std::array kShares = {
    Share{FaultKind::kKill, 8},       Share{FaultKind::kPowerCut, 8},    Share{FaultKind::kPowerCutAll, 2},
    Share{FaultKind::kPause, 8},      Share{FaultKind::kIsolate, 8},     Share{FaultKind::kCutOneWay, 8},
    Share{FaultKind::kCutPair, 10},   Share{FaultKind::kReset, 6},       Share{FaultKind::kClog, 6},
    Share{FaultKind::kLossy, 4},      Share{FaultKind::kSlowDisk, 8},    Share{FaultKind::kFullDisk, 2},
    Share{FaultKind::kRot, 2},        Share{FaultKind::kFailedWrite, 2}, Share{FaultKind::kWipe, 2},
    Share{FaultKind::kAtMessage, 16}, Share{FaultKind::kClockJump, 2}};

FaultKind draw_kind(io::Random& random) {
  unsigned total = 0;
  for (const Share& share : kShares) total += share.weight;
  std::uint64_t left = random.below(total);
  for (const Share& share : kShares) {
    if (left < share.weight) return share.kind;
    left -= share.weight;
  }
  return FaultKind::kKill;
}

std::string_view name_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::kKill:
      return "kill";
    case FaultKind::kPowerCut:
      return "power cut";
    case FaultKind::kPowerCutAll:
      return "power cut of all nodes";
    case FaultKind::kPause:
      return "pause";
    case FaultKind::kIsolate:
      return "isolation";
    case FaultKind::kCutOneWay:
      return "one-way cut";
    case FaultKind::kCutPair:
      return "cut";
    case FaultKind::kReset:
      return "reset of connections";
    case FaultKind::kClog:
      return "clogged link";
    case FaultKind::kLossy:
      return "lossy link";
    case FaultKind::kSlowDisk:
      return "slow disk";
    case FaultKind::kFullDisk:
      return "full disk";
    case FaultKind::kFailedWrite:
      return "failed write";
    case FaultKind::kRot:
      return "bit rot";
    case FaultKind::kWipe:
      return "wiped disk";
    case FaultKind::kClockJump:
      return "clock jump";
    case FaultKind::kAtMessage:
      return "ambush";
  }
  return "";
}

bool concerns_two(FaultKind kind) {
  return kind == FaultKind::kCutOneWay || kind == FaultKind::kCutPair || kind == FaultKind::kReset ||
         kind == FaultKind::kClog || kind == FaultKind::kLossy;
}

bool concerns_the_disk(FaultKind kind) { return kind == FaultKind::kRot || kind == FaultKind::kWipe; }

}  // namespace

std::vector<Fault> draw_faults(std::uint64_t seed, std::size_t nodes, io::Duration duration) {
  io::Random random(seed ^ 0xfa17u);
  const NodeId bad_disk(1 + random.below(nodes));
  bool wiped = false;
  std::vector<Fault> faults;
  for (io::Duration at = random.between(kShortestPause, kLongestPause); at < duration;
       at += random.between(kShortestPause, kLongestPause)) {
    Fault fault{.at = at,
                .kind = draw_kind(random),
                .node = NodeId(1 + random.below(nodes)),
                .other = NodeId(1 + random.below(nodes)),
                // Many short ones, some long ones.
                .lasts = random.between(kShortestFault, random.between(kShortestFault, kLongestFault)),
                .choice = random.next()};
    if (concerns_the_disk(fault.kind)) fault.node = bad_disk;
    if (fault.kind == FaultKind::kWipe && std::exchange(wiped, true)) continue;
    if (concerns_two(fault.kind) && fault.node == fault.other) continue;
    faults.push_back(fault);
  }
  return faults;
}

Ambush ambush_of(const Fault& fault) {
  static constexpr std::array kMessages = {peer::FENCE,           peer::FENCE_REPLY, peer::REPLICATE,
                                           peer::REPLICATE_REPLY, peer::COPY_REPLY,  peer::PROPOSE,
                                           peer::FENCE_REPLY,     peer::FETCH_REPLY};
  static constexpr std::array kHarms = {FaultKind::kPowerCut, FaultKind::kKill, FaultKind::kPowerCut, FaultKind::kPause,
                                        FaultKind::kIsolate};
  io::Random random(fault.choice);
  return {.message = static_cast<std::uint16_t>(kMessages[random.below(kMessages.size())]),
          .at_sender = random.chance(0.7),
          .harm = kHarms[random.below(kHarms.size())]};
}

std::string describe(const Fault& fault) {
  const auto seconds = [](io::Duration duration) { return std::chrono::duration<double>(duration).count(); };
  std::string what = fmt::format("{:8.3f}s {}", seconds(fault.at), name_of(fault.kind));
  if (fault.kind == FaultKind::kAtMessage) {
    const Ambush ambush = ambush_of(fault);
    what += fmt::format(": {} of the {} of the next {}", name_of(ambush.harm), ambush.at_sender ? "sender" : "receiver",
                        peer::MessageType_Name(static_cast<peer::MessageType>(ambush.message)));
  } else if (concerns_two(fault.kind)) {
    what += fmt::format(" {} node {} {} node {}", fault.kind == FaultKind::kCutOneWay ? "from" : "between", fault.node,
                        fault.kind == FaultKind::kCutOneWay ? "to" : "and", fault.other);
  } else if (fault.kind != FaultKind::kPowerCutAll) {
    what += fmt::format(" of node {}", fault.node);
  }
  return what + fmt::format(", {:.3f} s", seconds(fault.lasts));
}

}  // namespace walrus::sim
