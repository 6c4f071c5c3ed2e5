// The records of the catalog: what a store knows besides records. The twin of docs/format/catalog.md.
//
// Each is the value of one record in a batch (docs/format/record_batch.md), so that CRC, order and durability are the
// engine's own: a kind, then fields; integers little-endian, a name is a u16 length and its bytes. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"
#include "base/result.h"

namespace walrus::embed::catalog {

inline constexpr std::uint64_t kFormat = 1;

/// What is kept of a topic; 0 means without bound.
struct Retention {
  std::uint64_t time_ms = 0;
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  friend bool operator==(const Retention&, const Retention&) = default;
};

/// The first record of each catalog segment; what follows in its batch is all that was known. Topic ids below
/// `next_topic` were given out.
struct SnapshotBegins {
  std::uint64_t format = kFormat;
  TopicId next_topic;
  friend bool operator==(const SnapshotBegins&, const SnapshotBegins&) = default;
};
struct TopicCreated {
  TopicId topic;
  std::string name;
  friend bool operator==(const TopicCreated&, const TopicCreated&) = default;
};
struct TopicRemoved {
  TopicId topic;
  friend bool operator==(const TopicRemoved&, const TopicRemoved&) = default;
};
/// Appends go here from now on. `previous_newest_ms`: when the segment before got its last record.
struct SegmentOpened {
  TopicId topic;
  SegmentId segment;
  Offset base;
  std::int64_t previous_newest_ms = 0;
  friend bool operator==(const SegmentOpened&, const SegmentOpened&) = default;
};
/// Nothing before `start` can be read; segments before `first` are removed.
struct StartMoved {
  TopicId topic;
  Offset start;
  SegmentId first;
  friend bool operator==(const StartMoved&, const StartMoved&) = default;
};
struct RetentionSet {
  TopicId topic;
  Retention retention;
  friend bool operator==(const RetentionSet&, const RetentionSet&) = default;
};
/// Also makes the cursor.
struct CursorMoved {
  TopicId topic;
  std::string name;
  Offset position;
  friend bool operator==(const CursorMoved&, const CursorMoved&) = default;
};
struct CursorRemoved {
  TopicId topic;
  std::string name;
  friend bool operator==(const CursorRemoved&, const CursorRemoved&) = default;
};

using Record = std::variant<SnapshotBegins, TopicCreated, TopicRemoved, SegmentOpened, StartMoved, RetentionSet,
                            CursorMoved, CursorRemoved>;

std::string encode(const Record& record);
/// kCorrupt for what no version can have written, kUnsupported for a kind or format of a later one.
Result<Record> decode(std::string_view bytes);

}  // namespace walrus::embed::catalog
