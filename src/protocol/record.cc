#include "protocol/record.h"

#include <limits>

#include "base/bytes.h"

namespace walrus::protocol {
namespace {

constexpr std::uint8_t kHasPlace = 1;
constexpr std::uint8_t kHasKey = 2;
constexpr std::uint8_t kHasHeaders = 4;

template <std::unsigned_integral T>
bool take_number(std::string_view& from, T& value) {
  if (from.size() < sizeof value) return false;
  value = load_little<T>(from.data());
  from.remove_prefix(sizeof value);
  return true;
}

template <std::unsigned_integral Size>
bool take_sized(std::string_view& from, std::string_view& bytes) {
  Size size = 0;
  if (!take_number(from, size) || from.size() < size) return false;
  bytes = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

bool take_headers(std::string_view& from, std::vector<RecordHeader>& headers) {
  std::uint16_t count = 0;
  if (!take_number(from, count) || count == 0) return false;  // one form for each record
  for (; count > 0; --count) {
    RecordHeader& header = headers.emplace_back();
    if (!take_sized<std::uint16_t>(from, header.name) || !take_sized<std::uint32_t>(from, header.value)) return false;
  }
  return true;
}

bool take_place(std::string_view& from, RecordPlace& place) {
  std::uint64_t offset = 0;
  std::uint64_t timestamp = 0;
  if (!take_number(from, offset) || !take_number(from, timestamp)) return false;
  place = {.offset = Offset(offset), .timestamp_ms = static_cast<std::int64_t>(timestamp)};
  return true;
}

}  // namespace

std::size_t record_bytes(const Record& record) {
  std::size_t size = sizeof(std::uint32_t) + 1 + record.value.size();
  if (record.place) size += 2 * sizeof(std::uint64_t);
  if (record.key) size += sizeof(std::uint32_t) + record.key->size();
  if (!record.headers.empty()) size += sizeof(std::uint16_t);
  for (const RecordHeader& header : record.headers) {
    size += sizeof(std::uint16_t) + header.name.size() + sizeof(std::uint32_t) + header.value.size();
  }
  return size;
}

Status append_record(std::string& to, const Record& record) {
  constexpr auto kMaxShort = std::numeric_limits<std::uint16_t>::max();
  const std::size_t size = record_bytes(record) - sizeof(std::uint32_t);
  bool fits = size <= std::numeric_limits<std::uint32_t>::max() && record.headers.size() <= kMaxShort;
  for (const RecordHeader& header : record.headers) fits = fits && header.name.size() <= kMaxShort;
  if (!fits) return fail(ErrorCode::kTooLarge);

  append_little(to, static_cast<std::uint32_t>(size));
  std::uint8_t flags = 0;
  if (record.place) flags |= kHasPlace;
  if (record.key) flags |= kHasKey;
  if (!record.headers.empty()) flags |= kHasHeaders;
  to.push_back(static_cast<char>(flags));
  if (record.place) {
    append_little(to, record.place->offset.value());
    append_little(to, static_cast<std::uint64_t>(record.place->timestamp_ms));
  }
  if (record.key) {
    append_little(to, static_cast<std::uint32_t>(record.key->size()));
    to.append(*record.key);
  }
  if (!record.headers.empty()) append_little(to, static_cast<std::uint16_t>(record.headers.size()));
  for (const RecordHeader& header : record.headers) {
    append_little(to, static_cast<std::uint16_t>(header.name.size()));
    to.append(header.name);
    append_little(to, static_cast<std::uint32_t>(header.value.size()));
    to.append(header.value);
  }
  to.append(record.value);
  return {};
}

Result<Record> take_record(std::string_view& from) {
  const auto malformed = [] { return fail(ErrorCode::kInvalidArgument, "malformed record"); };
  std::string_view body;
  if (!take_sized<std::uint32_t>(from, body) || body.empty()) return malformed();
  const auto flags = static_cast<std::uint8_t>(body.front());
  body.remove_prefix(1);
  if ((flags & ~(kHasPlace | kHasKey | kHasHeaders)) != 0) return malformed();
  Record record;
  if ((flags & kHasPlace) != 0 && !take_place(body, record.place.emplace())) return malformed();
  if ((flags & kHasKey) != 0 && !take_sized<std::uint32_t>(body, record.key.emplace())) return malformed();
  if ((flags & kHasHeaders) != 0 && !take_headers(body, record.headers)) return malformed();
  record.value = body;
  return record;
}

}  // namespace walrus::protocol
