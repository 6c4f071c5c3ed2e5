#include "metadata/raft_log_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"

namespace walrus::metadata::raft_log_format {
namespace {

constexpr std::string_view kLogMagic = "WALRLOG1";
constexpr std::uint32_t kFlagRestarts = 1;

struct Record {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  std::uint64_t append = 0;
  std::uint32_t behind = 0;
  EntryType type = EntryType::kCommand;
  std::string_view payload;

  std::size_t bytes() const { return kRecordHeaderBytes + payload.size(); }
};

/// The record at `position`, if its checksum holds and its fields are possible at all.
std::optional<Record> record_at(const FileHeader& header, std::string_view file, std::size_t position) {
  if (file.size() < position || file.size() - position < kRecordHeaderBytes) return std::nullopt;
  const char* from = file.data() + position;
  const auto size = load_little<std::uint32_t>(from + 4);
  if (size > kMaxPayloadBytes || size % 8 != 0 || size > file.size() - position - kRecordHeaderBytes) {
    return std::nullopt;
  }
  Record record{.index = load_little<std::uint64_t>(from + 8),
                .term = load_little<std::uint64_t>(from + 16),
                .append = load_little<std::uint64_t>(from + 24),
                .behind = load_little<std::uint32_t>(from + 32),
                .type = static_cast<EntryType>(from[36]),
                .payload = file.substr(position + kRecordHeaderBytes, size)};
  if (record.index == 0 || record.term == 0 || record.append == 0) return std::nullopt;
  if (record.type < EntryType::kCommand || record.type > EntryType::kChange) return std::nullopt;
  const auto crc = load_little<std::uint32_t>(from);
  if (crc32c(file.substr(position + 4, record.bytes() - 4), header.salt) != crc) return std::nullopt;
  return record;
}

/// Walks the records of a file as long as each is the one that must follow.
class Walk {
 public:
  Walk(const FileHeader& header, std::string_view file) : header_(header), file_(file) {}

  /// False when what lies at position() is not the next record.
  bool next(FileContent& into) {
    const auto record = record_at(header_, file_, position_);
    if (!record || record->index != header_.first_index + into.entries.size()) return false;
    if (!into.entries.empty() && record->term < into.entries.back().term) return false;
    const bool same_append = behind_ > 0;
    if (record->append != append_ + (same_append ? 0 : 1)) return false;
    if (same_append && record->behind != behind_ - 1) return false;

    into.entries.push_back({record->term, record->type, std::string(record->payload)});
    append_ = record->append;
    behind_ = record->behind;
    position_ += record->bytes();
    if (behind_ == 0) {
      into.appends = append_;
      into.end = position_;
      complete_ = into.entries.size();
    }
    return true;
  }

  std::size_t position() const { return position_; }
  /// The append that the record at position() should belong to.
  std::uint64_t expected_append() const { return behind_ > 0 ? append_ : append_ + 1; }
  /// Entries that came with all of their append.
  std::size_t complete() const { return complete_; }

 private:
  const FileHeader& header_;
  std::string_view file_;
  std::size_t position_ = kHeaderBytes;
  std::uint64_t append_ = 0;
  std::uint32_t behind_ = 0;
  std::size_t complete_ = 0;
};

bool has_record_of_later_append(const FileHeader& header, std::string_view file, std::size_t from,
                                std::uint64_t append) {
  for (std::size_t at = from; at + kRecordHeaderBytes <= file.size(); at += 8) {
    const auto found = load_little<std::uint64_t>(file.data() + at + 24);
    // Cheap test first: most of what is walked over is zeros.
    if (found <= append || found > append + (1u << 20)) continue;
    if (record_at(header, file, at)) return true;
  }
  return false;
}

}  // namespace

std::string encode_header(const FileHeader& header) {
  std::string bytes(kLogMagic);
  append_little(bytes, header.sequence);
  append_little(bytes, header.first_index);
  append_little(bytes, header.salt);
  append_little(bytes, header.restarts ? kFlagRestarts : 0u);
  bytes.resize(kHeaderBytes - 4, '\0');
  append_little(bytes, crc32c(bytes));
  return bytes;
}

Result<FileHeader> decode_header(std::string_view file) {
  if (file.size() < kHeaderBytes || !file.starts_with(kLogMagic)) return fail(ErrorCode::kCorrupt, "not a log file");
  if (crc32c(file.substr(0, kHeaderBytes - 4)) != load_little<std::uint32_t>(file.data() + kHeaderBytes - 4)) {
    return fail(ErrorCode::kCorrupt, "header checksum at 60");
  }
  const auto flags = load_little<std::uint32_t>(file.data() + 28);
  if (flags > kFlagRestarts) return fail(ErrorCode::kUnsupported, "flags of a newer version at 28");
  FileHeader header{.sequence = load_little<std::uint64_t>(file.data() + 8),
                    .first_index = load_little<std::uint64_t>(file.data() + 16),
                    .salt = load_little<std::uint32_t>(file.data() + 24),
                    .restarts = (flags & kFlagRestarts) != 0};
  if (header.first_index == 0) return fail(ErrorCode::kCorrupt, "first index at 16");
  return header;
}

std::string encode_append(const FileHeader& file, std::uint64_t append, std::uint64_t first_index,
                          std::span<const RaftEntry> entries) {
  std::string bytes;
  std::size_t total = 0;
  for (const RaftEntry& entry : entries) total += kRecordHeaderBytes + entry.payload.size();
  bytes.reserve(total);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const RaftEntry& entry = entries[i];
    WALRUS_ASSERT(entry.payload.size() % 8 == 0 && entry.payload.size() <= kMaxPayloadBytes);
    const std::size_t start = bytes.size();
    append_little<std::uint32_t>(bytes, 0);
    append_little(bytes, static_cast<std::uint32_t>(entry.payload.size()));
    append_little<std::uint64_t>(bytes, first_index + i);
    append_little(bytes, entry.term);
    append_little(bytes, append);
    append_little(bytes, static_cast<std::uint32_t>(entries.size() - i - 1));
    bytes.push_back(static_cast<char>(entry.type));
    bytes.append(3, '\0');
    bytes.append(entry.payload);
    store_little(bytes.data() + start, crc32c(std::string_view(bytes).substr(start + 4), file.salt));
  }
  return bytes;
}

Result<FileContent> read_last_file(const FileHeader& header, std::string_view file) {
  FileContent content{.entries = {}, .appends = 0, .end = kHeaderBytes, .torn = false};
  Walk walk(header, file);
  while (walk.next(content)) {
  }
  // A whole record in the wrong place, or one of a later append behind a bad one: no unfinished write leaves that.
  if (record_at(header, file, walk.position()) ||
      has_record_of_later_append(header, file, walk.position(), walk.expected_append())) {
    return fail(ErrorCode::kCorrupt, fmt::format("damaged record at {}", walk.position()));
  }
  const std::string_view rest = file.substr(std::min<std::size_t>(content.end, file.size()));
  content.torn = rest.find_first_not_of('\0') != std::string_view::npos;
  content.entries.resize(walk.complete());
  return content;
}

Result<FileContent> read_full_file(const FileHeader& header, std::string_view file, std::uint64_t end_index) {
  FileContent content{.entries = {}, .appends = 0, .end = kHeaderBytes, .torn = false};
  Walk walk(header, file);
  while (header.first_index + content.entries.size() < end_index) {
    if (!walk.next(content)) return fail(ErrorCode::kCorrupt, fmt::format("damaged record at {}", walk.position()));
  }
  return content;
}

}  // namespace walrus::metadata::raft_log_format
