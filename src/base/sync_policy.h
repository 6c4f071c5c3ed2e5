// When an append counts as durable, and so is acknowledged: of a storage engine, of a topic, of a segment.
//
//   always         when it is synced: neither a crash nor a power cut takes it away
//   interval:<ms>  when the log has it; it is synced at most so much later: a power cut may take the last ones away
//   never          when the log has it; it is synced when the kernel likes: a power cut may take many away
//
// "The log has it" depends on the engine's policy, which decides how the log is written. With one of the weaker two the
// kernel has the bytes, and a crash of the program takes nothing away. With `always` the log writes past the kernel's
// cache: an append of a segment with a weaker policy counts as soon as it is queued, and is on the disk with the next
// write, some milliseconds later; until then a crash of the program takes it away as well.
//
// A segment with a stricter policy than the engine's gets what it asks for; everything written with it then waits for
// the sync, too. Promises, cuts and removals are always synced. Whatever the policy: what a crash leaves of a segment
// is a beginning of what was appended, in order, without holes.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace walrus {

struct SyncPolicy {
  enum class Kind : unsigned char { kAlways, kInterval, kNever };
  Kind kind = Kind::kAlways;
  std::chrono::milliseconds interval{0};  ///< of kInterval; at least 1 ms

  bool always() const { return kind == Kind::kAlways; }
  friend bool operator==(const SyncPolicy&, const SyncPolicy&) = default;
};

/// The names above. kInvalidArgument for anything else.
Result<SyncPolicy> parse_sync_policy(std::string_view text);
std::string to_string(SyncPolicy policy);

}  // namespace walrus
