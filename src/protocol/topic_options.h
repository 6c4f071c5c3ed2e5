// What a client may ask of a topic: when it registers it (REGISTER) and later (ALTER). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sync_policy.h"

namespace walrus::protocol {

/// `fsync=`: a policy of the topic's own, or the node's (`fsync=default`).
struct FsyncChoice {
  std::optional<SyncPolicy> policy;

  friend bool operator==(const FsyncChoice&, const FsyncChoice&) = default;
};

/// Blank-separated `name=value`; nothing where nothing was said. 0 for a retention_… or max_… takes the bound away.
struct TopicOptions {
  std::optional<std::uint32_t> replicas;         ///< 1 to limits::kMaxReplicas; else the node's --replication-factor
  std::optional<std::uint64_t> segment_entries;  ///< records after which a segment is rolled; else the node's setting
  std::optional<FsyncChoice> fsync;
  std::optional<std::uint64_t> retention_ms;
  std::optional<std::uint64_t> retention_bytes;
  std::optional<std::uint64_t> retention_records;
  std::optional<std::uint64_t> max_bytes_per_second;  ///< written through one node; then writers are slowed down

  friend bool operator==(const TopicOptions&, const TopicOptions&) = default;
};

/// kInvalidTopicName for a word that is no option (it may be meant as a part of the name), kInvalidArgument for an
/// option that is not known or a value that makes no sense.
Result<TopicOptions> parse_topic_options(std::string_view text);

/// " name=value" for each that is said, as parse_topic_options() reads it.
std::string to_string(const TopicOptions& options);

}  // namespace walrus::protocol
