// Crash-point enumeration: runs a scripted workload on the simulated disk and, before each change that the engine makes
// to the disk, looks at what a power cut at that moment could leave: recovers it, and compares with what was
// acknowledged by then.
//
// What must hold of every image, but for acknowledged records when the engine's policy lets a power cut take them:
// recovery succeeds and reports no damage; every acknowledged record is there; what is there is a prefix of what was
// appended, in order, with its hash; an answered promise is known; what was cut off does not come back; running
// recovery again changes nothing; the segment takes appends.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/unit/storage/sim_store.h"

namespace walrus::storage::test {

struct CrashPointOptions {
  std::uint64_t seed = 1;
  EngineOptions engine = small_files();
  std::size_t steps = 60;          ///< of the script
  std::uint64_t every = 1;         ///< look at each nth change only
  std::uint64_t nested_every = 0;  ///< and, for each nth image, crash recovery itself at each of its changes; 0: never
};

struct CrashPointResult {
  std::uint64_t points = 0;  ///< changes looked at
  std::uint64_t images = 0;  ///< power cuts tried, those inside recovery included
  std::uint64_t nested = 0;  ///< the latter
  std::uint64_t acknowledged = 0;
  std::vector<std::string> violations;  ///< at most a few
};

CrashPointResult enumerate_crash_points(const CrashPointOptions& options);

}  // namespace walrus::storage::test
