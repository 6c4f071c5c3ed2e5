// The reply to a read: "<first> <count> <next> <end>\n" and the records, as the client wants them
// (docs/protocol/text.md). Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "broker/leader_client.h"
#include "broker/waiting_readers.h"

namespace walrus::broker {

struct ReadReply {
  std::string head;               ///< everything in front of the records
  std::vector<SharedBytes> body;  ///< the records, or the batches that hold them as they are stored
  Offset next;                    ///< behind the last record given
};

/// The records of `read` from span.from on, within its bounds. kCorrupt when a batch does not add up, kUnsupported when
/// records are asked for that are stored compressed.
Result<ReadReply> read_reply(const ReadSpan& span, const TailRead& read);

/// The reply to LEASE: the same line, and each record behind a [u32] with how often it has been given.
Result<ReadReply> lease_reply(Offset first, std::span<const std::uint32_t> tries, const TailRead& read);

}  // namespace walrus::broker
