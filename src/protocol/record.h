// The binary form of one record behind the text of a request or a reply (docs/protocol/text.md, "Records"):
//
//   [u32 size of the rest][u8 flags]
//   flags & 1: [u64 offset][i64 timestamp, milliseconds since 1970]
//   flags & 2: [u32 size][key]
//   flags & 4: [u16 count], then for each header [u16 size][name][u32 size][value]
//   the value: what is left
//
// Integers are little-endian. The same form goes both ways: a node tells the place (offset and timestamp) of what it
// hands out; what a client writes has none. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace walrus::protocol {

struct RecordHeader {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

/// Where a stored record stands.
struct RecordPlace {
  Offset offset;
  std::int64_t timestamp_ms = 0;
  friend bool operator==(const RecordPlace&, const RecordPlace&) = default;
};

/// Views into the frame that holds it.
struct Record {
  std::optional<RecordPlace> place;
  std::optional<std::string_view> key;
  std::vector<RecordHeader> headers;
  std::string_view value;
  friend bool operator==(const Record&, const Record&) = default;
};

/// Bytes of the record's form.
std::size_t record_bytes(const Record& record);

/// kTooLarge, and nothing is appended, when a part does not fit its length: a header's name beyond 65,535 bytes, more
/// than 65,535 headers, 4 GiB in all.
Status append_record(std::string& to, const Record& record);

/// Takes one record off the front of `from`. kInvalidArgument when it is cut off or does not add up.
Result<Record> take_record(std::string_view& from);

}  // namespace walrus::protocol
