// What a client may ask of a write besides room. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace walrus::protocol {

/// Behind the topic of a write; what was not said is not asked.
struct WriteOptions {
  std::uint32_t records = 1;
  std::optional<Offset> expected_end;  ///< the topic ends here, else nothing is written

  friend bool operator==(const WriteOptions&, const WriteOptions&) = default;
};

/// Blank-separated `name=value` of MPUT. kInvalidArgument for what is not known or makes no sense.
Result<WriteOptions> parse_write_options(std::string_view text);

/// Checks that `body` is exactly `records` records that a client may write (protocol/record.h). kInvalidArgument when
/// it is not, kTooLarge for a record beyond limits::kMaxRecordBytes.
Status check_records(std::string_view body, std::uint32_t records);

}  // namespace walrus::protocol
