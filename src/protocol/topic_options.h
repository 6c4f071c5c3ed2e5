// What a client may ask of a topic when it registers it. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace walrus::protocol {

/// Blank-separated `name=value` behind the topic of REGISTER; 0 where nothing was said.
struct TopicOptions {
  std::uint32_t replicas = 0;         ///< 1 to limits::kMaxReplicas; else the node's --replication-factor
  std::uint64_t segment_entries = 0;  ///< records after which a segment is rolled; else the node's setting

  friend bool operator==(const TopicOptions&, const TopicOptions&) = default;
};

/// kInvalidTopicName for a word that is no option (it may be meant as a part of the name), kInvalidArgument for an
/// option that is not known or a value that makes no sense.
Result<TopicOptions> parse_topic_options(std::string_view text);

}  // namespace walrus::protocol
