// What the verbs of work queues carry behind topic and group (docs/protocol/text.md). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/read_requests.h"

namespace walrus::protocol {

/// Offsets from `first` to `last`, both included.
struct OffsetSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const OffsetSpan&, const OffsetSpan&) = default;
};

/// QUEUE, LEASE, ACK, NACK and EXTEND; each uses what concerns it.
struct QueueArguments {
  std::vector<OffsetSpan> spans = {};            ///< ACK; one offset of NACK and EXTEND
  std::uint32_t tries = 0;                       ///< NACK, EXTEND: of the lease that is meant; 0: any
  std::optional<std::uint32_t> visible_ms = {};  ///< how long a worker has a record to itself
  std::optional<std::uint32_t> delay_ms = {};    ///< before a record that failed is given again
  std::optional<std::uint32_t> max_tries = {};   ///< QUEUE
  std::optional<std::uint32_t> in_flight = {};   ///< QUEUE
  std::optional<std::string> dead_topic = {};    ///< QUEUE; empty: none
  ReadBounds bounds = {};                        ///< LEASE
  std::uint32_t wait_ms = 0;                     ///< LEASE

  friend bool operator==(const QueueArguments&, const QueueArguments&) = default;
};

/// "[visible=] [tries=] [delay=] [inflight=] [dead=]"
Result<QueueArguments> parse_queue_arguments(std::string_view text);
/// "[max=] [bytes=] [wait=] [visible=]"
Result<QueueArguments> parse_lease_arguments(std::string_view text);
/// "<offset>[-<offset>] …"
Result<QueueArguments> parse_ack_arguments(std::string_view text);
/// "<offset> [try=] [delay=]"
Result<QueueArguments> parse_nack_arguments(std::string_view text);
/// "<offset> [try=] [visible=]"
Result<QueueArguments> parse_extend_arguments(std::string_view text);

}  // namespace walrus::protocol
