// The sparse index of a segment: about every index_interval_bytes, which offset begins at which position, and the
// latest timestamp and the hash of the content (content_hash.h) before it. The twin of docs/format/index.md. It is a
// shortcut only: whatever is missing or damaged is found again by walking the batches, and an entry never leads the
// synced data.
//
// Lookups go to the last entry at or before what is asked for; the walk from there is at most about one interval.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/record_batch.h"
#include "storage/segment.h"

namespace walrus::storage {

struct IndexEntry {
  Offset offset;
  std::uint64_t position = 0;
  std::int64_t max_timestamp_ms = INT64_MIN;  ///< of all records before `offset`
  std::uint64_t hash = 0;                     ///< of all batches before it
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

/// What a sealed segment's index ends with.
struct IndexFooter {
  Offset end;
  std::uint64_t bytes = 0;
  std::int64_t max_timestamp_ms = INT64_MIN;
  std::uint64_t hash = 0;
  friend bool operator==(const IndexFooter&, const IndexFooter&) = default;
};

class SegmentIndex {
 public:
  SegmentIndex(SegmentKey key, Offset base, std::size_t interval_bytes);

  /// The batch at the end of what was noted so far.
  void note(const BatchHeader& batch, std::uint64_t position);

  IndexEntry find(Offset offset) const;
  /// Where to start looking for the first record at or after this time.
  IndexEntry find_time(std::int64_t timestamp_ms) const;
  /// The last entry that lies at or before this position.
  IndexEntry last_before(std::uint64_t position) const;
  /// Position of the first entry behind `offset`; UINT64_MAX when there is none.
  std::uint64_t position_behind(Offset offset) const;
  /// Forgets entries at or behind this position.
  void cut(std::uint64_t position);

  const std::vector<IndexEntry>& entries() const { return entries_; }
  /// Of all that was noted.
  std::int64_t max_timestamp_ms() const { return max_timestamp_ms_; }
  std::uint64_t hash() const { return hash_; }

  /// The index as a file, complete but for the footer.
  std::string encode_header() const;
  /// Entries number `from` up to but not including `to`.
  std::string encode_entries(std::size_t from, std::size_t to) const;
  std::string encode_footer(const IndexFooter& footer) const;

  /// Takes what is undamaged in `bytes`, in order; nothing when the header is not that of this segment. Returns the
  /// footer when there is one.
  std::optional<IndexFooter> decode(std::string_view bytes);

  static constexpr std::size_t kItemBytes = 40;  ///< header, entries and footer alike

 private:
  struct Numbers {
    std::uint64_t a, b, c, d;
  };
  std::string item(Numbers numbers, std::uint32_t kind) const;
  void go_back_to_last_entry();

  SegmentKey key_;
  Offset base_;
  std::size_t interval_bytes_;
  std::vector<IndexEntry> entries_;  // by position; the beginning of the segment is not in it
  std::int64_t max_timestamp_ms_ = INT64_MIN;
  std::uint64_t hash_ = 0;
};

}  // namespace walrus::storage
