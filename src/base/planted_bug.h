// Bugs that the simulator plants, one at a time, to show that it would find them: each drops one rule that replication
// rests on (spec/fence_and_seal.pml has the same mutants). Only the program
// walrus-sim-planted (tests/sim) contains them; elsewhere planted() is false at compile time, and nothing is left of
// it.
#pragma once

#include <array>
#include <string_view>

namespace walrus {

enum class PlantedBug {
  kNone,
  kAckBeforeSync,         ///< a batch counts as durable when its write is issued
  kAckAfterFence,         ///< a replica goes on accepting the old epoch after it has answered a fence
  kPromiseNotPersisted,   ///< a fence is answered before its promise is durable
  kSmallestEnd,           ///< the end of a lost leader's segment is the smallest one that was answered
  kOneFenceAnswer,        ///< the recoverer is content with its own answer
  kNoCopyBeforeSeal,      ///< the end is proposed before a quorum holds everything below it
  kWipedDiskKeepsItsName  ///< an emptied disk comes back under the identity that has made promises
};

inline constexpr std::array<std::string_view, 8> kPlantedBugNames = {
    "none",         "ack-before-sync",  "ack-after-fence",     "promise-not-persisted",
    "smallest-end", "one-fence-answer", "no-copy-before-seal", "wiped-disk-keeps-its-name"};

#ifdef WALRUS_PLANTED_BUGS
inline PlantedBug planted_bug = PlantedBug::kNone;
inline bool planted(PlantedBug bug) { return planted_bug == bug; }
#else
constexpr bool planted(PlantedBug) { return false; }
#endif

}  // namespace walrus
