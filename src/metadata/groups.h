// What the cluster remembers of a topic's readers: the groups and where each of them stands. GET's cursor is the group
// "_shared". Pure; immutable parts of a view (view.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"

namespace walrus::metadata {

inline constexpr std::string_view kSharedGroup = "_shared";

/// How a group hands records out one by one (docs/adr/0007).
struct QueueSettings {
  std::uint32_t lease_ms = limits::kLeaseTime / std::chrono::milliseconds(1);  ///< until a record is given again
  std::uint32_t max_tries = 0;                   ///< then it goes to the dead-letter topic, or is given up; 0: never
  std::uint32_t retry_delay_ms = 0;              ///< before it is given again after a failure
  std::uint32_t in_flight = limits::kMaxLeases;  ///< with workers at a time; 1: strictly in order
  std::string dead_topic = {};                   ///< empty: none

  friend bool operator==(const QueueSettings&, const QueueSettings&) = default;
};

struct OffsetRange {
  Offset begin;
  Offset end;
  friend bool operator==(const OffsetRange&, const OffsetRange&) = default;
};

/// A record that was given and not done.
struct QueueFailure {
  Offset offset;
  std::uint32_t tries = 0;  ///< so far
  std::int64_t due_ms = 0;  ///< not again before, milliseconds since 1970
  friend bool operator==(const QueueFailure&, const QueueFailure&) = default;
};

/// Exceptions to "all before the group's offset is done, nothing behind it", ascending, all at or behind the offset.
struct QueueInfo {
  QueueSettings settings;
  std::vector<OffsetRange> done;
  std::vector<QueueFailure> failures;
  friend bool operator==(const QueueInfo&, const QueueInfo&) = default;
};

struct GroupInfo {
  Offset offset;                           ///< everything before it was delivered (of a work queue: is done)
  std::uint64_t generation = 0;            ///< grows with each SEEK; the offset moves back with it alone
  std::uint64_t revision = 0;              ///< grows with each state that the group's owner has proposed
  std::shared_ptr<const QueueInfo> queue;  ///< null: a plain group
};

/// The group knows of records at or behind `end` already.
inline bool stands_beyond(const GroupInfo& group, Offset end) {
  if (group.offset > end) return true;
  if (group.queue == nullptr) return false;
  const QueueInfo& queue = *group.queue;
  return (!queue.done.empty() && queue.done.back().end > end) ||
         (!queue.failures.empty() && queue.failures.back().offset >= end);
}

/// By name.
using Groups = std::map<std::string, GroupInfo, std::less<>>;

}  // namespace walrus::metadata
