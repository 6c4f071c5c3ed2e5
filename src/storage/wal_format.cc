#include "storage/wal_format.h"

#include <cstring>

#include "base/assert.h"
#include "base/crc32c.h"

namespace walrus::storage::wal {
namespace {

// Positions of the group header's fields. All integers of the log are little-endian.
constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kGroupCrcAt = 4;  // covers from kFormatAt
constexpr std::size_t kFormatAt = 8;
constexpr std::size_t kFlagsAt = 10;
constexpr std::size_t kPreviousCrcAt = 12;
constexpr std::size_t kLogIdAt = 16;
constexpr std::size_t kFileAt = 24;
constexpr std::size_t kGroupAt = 32;
constexpr std::size_t kDurableAt = 40;
constexpr std::size_t kFirstLiveFileAt = 48;
constexpr std::size_t kFirstLiveGroupAt = 56;
constexpr std::size_t kVoidFromAt = 64;
constexpr std::size_t kPayloadBytesAt = 72;
constexpr std::size_t kEntriesAt = 76;

// And of an entry's.
constexpr std::size_t kTopicAt = 0;
constexpr std::size_t kSegmentAt = 8;
constexpr std::size_t kBaseAt = 16;
constexpr std::size_t kPositionAt = 24;
constexpr std::size_t kLengthAt = 32;
constexpr std::size_t kEntryKindAt = 36;  // one byte, then three zeros

constexpr std::uint32_t kCheckpointMagic = 0x504b4357;  // "WCKP"
constexpr std::size_t kCheckpointBytes = 40;
constexpr std::uint32_t kUnsyncedFormat = 2;

std::uint32_t group_crc(std::string_view group) { return crc32c(group.substr(kFormatAt)); }

}  // namespace

std::uint64_t group_size(std::uint64_t payload) {
  return (kGroupHeaderBytes + payload + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

std::uint64_t GroupHeader::size() const { return group_size(payload_bytes); }

char* store_entry_header(char* to, const EntryHeader& entry) {
  store_little<std::uint64_t>(to + kTopicAt, entry.key.topic.value());
  store_little<std::uint64_t>(to + kSegmentAt, entry.key.segment.value());
  store_little<std::uint64_t>(to + kBaseAt, entry.base.value());
  store_little<std::uint64_t>(to + kPositionAt, entry.position);
  store_little<std::uint32_t>(to + kLengthAt, entry.length);
  store_little<std::uint32_t>(to + kEntryKindAt, static_cast<std::uint32_t>(entry.kind));
  return to + kEntryHeaderBytes;
}

void seal_group(char* buffer, GroupHeader& header) {
  store_little<std::uint32_t>(buffer + kMagicAt, kGroupMagic);
  store_little<std::uint16_t>(buffer + kFormatAt, kFormat);
  store_little<std::uint16_t>(buffer + kFlagsAt, header.flags);
  store_little<std::uint32_t>(buffer + kPreviousCrcAt, header.previous_crc);
  store_little<std::uint64_t>(buffer + kLogIdAt, header.log_id);
  store_little<std::uint64_t>(buffer + kFileAt, header.file);
  store_little<std::uint64_t>(buffer + kGroupAt, header.group);
  store_little<std::uint64_t>(buffer + kDurableAt, header.durable);
  store_little<std::uint64_t>(buffer + kFirstLiveFileAt, header.first_live_file);
  store_little<std::uint64_t>(buffer + kFirstLiveGroupAt, header.first_live_group);
  store_little<std::uint64_t>(buffer + kVoidFromAt, header.void_from);
  store_little<std::uint32_t>(buffer + kPayloadBytesAt, header.payload_bytes);
  store_little<std::uint32_t>(buffer + kEntriesAt, header.entries);
  const std::size_t used = kGroupHeaderBytes + header.payload_bytes;
  header.crc = group_crc(std::string_view(buffer, used));
  store_little<std::uint32_t>(buffer + kGroupCrcAt, header.crc);
  std::memset(buffer + used, 0, header.size() - used);
}

std::optional<GroupHeader> peek_group(std::string_view bytes) {
  if (bytes.size() < kGroupHeaderBytes) return std::nullopt;
  const char* at = bytes.data();
  if (load_little<std::uint32_t>(at + kMagicAt) != kGroupMagic) return std::nullopt;
  if (load_little<std::uint16_t>(at + kFormatAt) != kFormat) return std::nullopt;
  GroupHeader header;
  header.crc = load_little<std::uint32_t>(at + kGroupCrcAt);
  header.flags = load_little<std::uint16_t>(at + kFlagsAt);
  header.previous_crc = load_little<std::uint32_t>(at + kPreviousCrcAt);
  header.log_id = load_little<std::uint64_t>(at + kLogIdAt);
  header.file = load_little<std::uint64_t>(at + kFileAt);
  header.group = load_little<std::uint64_t>(at + kGroupAt);
  header.durable = load_little<std::uint64_t>(at + kDurableAt);
  header.first_live_file = load_little<std::uint64_t>(at + kFirstLiveFileAt);
  header.first_live_group = load_little<std::uint64_t>(at + kFirstLiveGroupAt);
  header.void_from = load_little<std::uint64_t>(at + kVoidFromAt);
  header.payload_bytes = load_little<std::uint32_t>(at + kPayloadBytesAt);
  header.entries = load_little<std::uint32_t>(at + kEntriesAt);
  return header;
}

bool group_is_whole(const GroupHeader& header, std::string_view bytes) {
  const std::uint64_t used = kGroupHeaderBytes + std::uint64_t{header.payload_bytes};
  return used <= bytes.size() && group_crc(bytes.substr(0, used)) == header.crc;
}

EntryReader::EntryReader(const GroupHeader& header, std::string_view group)
    : rest_(group.substr(kGroupHeaderBytes, header.payload_bytes)), left_(header.entries) {}

Result<std::optional<EntryView>> EntryReader::next() {
  if (left_ == 0) {
    if (!rest_.empty()) return fail(ErrorCode::kCorrupt, "log group: bytes behind the last entry");
    return std::nullopt;
  }
  if (rest_.size() < kEntryHeaderBytes) return fail(ErrorCode::kCorrupt, "log group: entry cut off");
  const char* at = rest_.data();
  EntryView entry;
  entry.header.key.topic = TopicId(load_little<std::uint64_t>(at + kTopicAt));
  entry.header.key.segment = SegmentId(load_little<std::uint64_t>(at + kSegmentAt));
  entry.header.base = Offset(load_little<std::uint64_t>(at + kBaseAt));
  entry.header.position = load_little<std::uint64_t>(at + kPositionAt);
  entry.header.length = load_little<std::uint32_t>(at + kLengthAt);
  const auto kind = load_little<std::uint32_t>(at + kEntryKindAt);
  rest_.remove_prefix(kEntryHeaderBytes);
  if (kind < static_cast<std::uint32_t>(EntryKind::kBatch) || kind > static_cast<std::uint32_t>(EntryKind::kTruncate)) {
    return fail(ErrorCode::kCorrupt, "log group: entry of an unknown kind");
  }
  entry.header.kind = static_cast<EntryKind>(kind);
  if (entry.header.length > rest_.size()) return fail(ErrorCode::kCorrupt, "log group: batch cut off");
  entry.batch = rest_.substr(0, entry.header.length);
  rest_.remove_prefix(entry.header.length);
  --left_;
  return entry;
}

std::string encode_checkpoint(const Checkpoint& checkpoint) {
  std::string bytes;
  append_little<std::uint32_t>(bytes, kCheckpointMagic);
  append_little<std::uint32_t>(bytes, checkpoint.unsynced ? kUnsyncedFormat : kFormat);
  append_little<std::uint64_t>(bytes, checkpoint.log_id);
  append_little<std::uint64_t>(bytes, checkpoint.first_file);
  append_little<std::uint64_t>(bytes, checkpoint.first_group);
  append_little<std::uint32_t>(bytes, crc32c(bytes));
  append_little<std::uint32_t>(bytes, 0);
  WALRUS_ASSERT(bytes.size() == kCheckpointBytes);
  return bytes;
}

Result<Checkpoint> decode_checkpoint(std::string_view bytes) {
  if (bytes.size() != kCheckpointBytes) return fail(ErrorCode::kCorrupt, "log checkpoint: wrong size");
  const char* at = bytes.data();
  if (load_little<std::uint32_t>(at) != kCheckpointMagic) return fail(ErrorCode::kCorrupt, "log checkpoint: magic");
  if (load_little<std::uint32_t>(at + 32) != crc32c(bytes.substr(0, 32))) {
    return fail(ErrorCode::kCorrupt, "log checkpoint: CRC mismatch");
  }
  const auto format = load_little<std::uint32_t>(at + 4);
  if (format != kFormat && format != kUnsyncedFormat) {
    return fail(ErrorCode::kUnsupported, "log checkpoint: written by another version");
  }
  return Checkpoint{.log_id = load_little<std::uint64_t>(at + 8),
                    .first_file = load_little<std::uint64_t>(at + 16),
                    .first_group = load_little<std::uint64_t>(at + 24),
                    .unsynced = format == kUnsyncedFormat};
}

}  // namespace walrus::storage::wal
