// The bytes of the write-ahead log; the twin of docs/format/wal.md, written by wal_writer and read by wal_reader.
//
// A log is a set of slot files that are used one after the other, again and again. Each use gets the next file number.
// A file holds groups one behind the other, each starting at a multiple of kBlockBytes. A group is one write: a header
// and the entries of everything that was queued when the write started. What stands behind the last group is left over
// from an earlier use or zeros; its file number is lower.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "storage/segment.h"

namespace walrus::storage::wal {

inline constexpr std::uint32_t kGroupMagic = 0x4c415757;  // "WWAL"
inline constexpr std::uint16_t kFormat = 1;
inline constexpr std::size_t kGroupHeaderBytes = 80;
inline constexpr std::size_t kEntryHeaderBytes = 40;
inline constexpr std::size_t kBlockBytes = limits::kDirectAlignment;

/// The first group after a failed write: the groups from `void_from` up to this one were never acknowledged.
inline constexpr std::uint16_t kFlagRestart = 1;
/// A promise is in this group or in an earlier one of the log: if groups are lost, promises may be.
inline constexpr std::uint16_t kFlagPromises = 2;

struct GroupHeader {
  std::uint32_t crc = 0;  ///< of everything behind this field, payload included
  std::uint16_t flags = 0;
  std::uint32_t previous_crc = 0;      ///< crc of the group before: the groups are a chain
  std::uint64_t log_id = 0;            ///< random, drawn at each start: payloads cannot be mistaken for groups
  std::uint64_t file = 0;              ///< number of this use of the file
  std::uint64_t group = 0;             ///< 1, 2, 3 … without holes
  std::uint64_t durable = 0;           ///< groups up to this one were durable when this one was issued
  std::uint64_t first_live_file = 0;   ///< files below this number are no longer needed
  std::uint64_t first_live_group = 0;  ///< the first group of that file
  std::uint64_t void_from = 0;         ///< with kFlagRestart
  std::uint32_t payload_bytes = 0;
  std::uint32_t entries = 0;

  /// On disk: header and payload, padded to whole blocks.
  std::uint64_t size() const;
};

enum class EntryKind : std::uint8_t {
  kBatch = 1,
  kRemove = 2,    ///< the segment is gone, with all that was logged for it before; promised stays `position`
  kPromise = 3,   ///< nothing below the epoch in `position` is accepted for the segment
  kTruncate = 4,  ///< all batches at or behind `position` are gone
};

struct EntryHeader {
  SegmentKey key;
  Offset base;                 ///< of the segment
  std::uint64_t position = 0;  ///< of the batch in the segment file; or what the kind says
  std::uint32_t length = 0;    ///< of the batch, which follows
  EntryKind kind = EntryKind::kBatch;
};

struct EntryView {
  EntryHeader header;
  std::string_view batch;
};

/// Bytes that `payload` bytes of entries take as a group.
std::uint64_t group_size(std::uint64_t payload);

char* store_entry_header(char* to, const EntryHeader& entry);

/// Completes the group in `buffer` (payload in place behind the header, `header.size()` bytes long): header, CRC (also
/// set in `header`), zeros up to the end of the last block.
void seal_group(char* buffer, GroupHeader& header);

/// The header at the front of `bytes` when it looks like one; says nothing about the CRC.
std::optional<GroupHeader> peek_group(std::string_view bytes);

/// True when `bytes`, which begin with the group that peek_group() found, hold all of it undamaged.
bool group_is_whole(const GroupHeader& header, std::string_view bytes);

/// Walks the entries of a group that is whole.
class EntryReader {
 public:
  EntryReader(const GroupHeader& header, std::string_view group);
  /// nullopt at the end; kCorrupt when the entries do not add up.
  Result<std::optional<EntryView>> next();

 private:
  std::string_view rest_;
  std::uint32_t left_;
};

/// The log's beginning: everything before it is in the segment files. Replaced at each start and clean stop.
struct Checkpoint {
  std::uint64_t log_id = 0;
  std::uint64_t first_file = 1;
  std::uint64_t first_group = 1;
  /// The log is written with a weaker policy than `always`, or was when it stopped: after a power cut segment files may
  /// hold what the log has lost, and lack what they were given.
  bool unsynced = false;
};
std::string encode_checkpoint(const Checkpoint& checkpoint);
Result<Checkpoint> decode_checkpoint(std::string_view bytes);

}  // namespace walrus::storage::wal
