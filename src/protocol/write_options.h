// What a client may ask of a write besides room. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/limits.h"
#include "base/producer.h"
#include "base/result.h"

namespace walrus::protocol {

/// Behind the topic of a write; what was not said is not asked.
struct WriteOptions {
  std::uint32_t records = 1;
  std::optional<Offset> expected_end = {};     ///< the topic ends here, else nothing is written
  std::optional<std::uint64_t> token = {};     ///< no higher one was set with FENCE, else nothing is written
  std::optional<ProducerStamp> producer = {};  ///< written once, however often it comes

  friend bool operator==(const WriteOptions&, const WriteOptions&) = default;
};

/// Blank-separated `name=value` of MPUT. kInvalidArgument for what is not known or makes no sense.
Result<WriteOptions> parse_write_options(std::string_view text);

/// Key, values, headers and frame of the records of one write: it travels between nodes in one piece.
inline constexpr std::size_t kMaxWriteBytes = limits::kMaxRecordBytes + limits::kMaxRecordBytes / 2;
static_assert(kMaxWriteBytes < limits::kMaxPeerQueuedBytes && kMaxWriteBytes < limits::kWalFileBytes);

/// kTooLarge beyond limits::kMaxRecordBytes.
Status check_payload(std::string_view payload);

/// Checks that `body` is exactly `records` records that a client may write (protocol/record.h). kInvalidArgument when
/// it is not, kTooLarge for a record beyond limits::kMaxRecordBytes, and for a body beyond kMaxWriteBytes.
Status check_records(std::string_view body, std::uint32_t records);

}  // namespace walrus::protocol
