// What can be set when a store is opened, and per topic. Every default is meant to be left alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace walrus::store {

/// When an append is on the disk. Only under `kAlways` does every acknowledged record survive a crash or power cut. The
/// others are weaker, for data that can be lost: append() returns when the record is in memory; it is handed to the
/// system some milliseconds later (a crash of the program takes away what was not), and then synced:
enum class Fsync : std::uint8_t {
  kAlways,    ///< before append() returns. Many threads share one write
  kInterval,  ///< within the interval
  kNever,     ///< when the system likes, or sync() is called
};

/// What is kept of a topic at least; 0 means everything. Whole segments go, the oldest first, and never more than
/// asked: what is left always holds at least this much. Where several are set, each of them may let a segment go.
struct Retention {
  std::chrono::milliseconds time{0};  ///< since a record was appended
  std::uint64_t bytes = 0;            ///< as stored, with the framing of batches
  std::uint64_t records = 0;

  friend bool operator==(const Retention&, const Retention&) = default;
};

struct Options {
  /// Made when it is not there. Data lies in `<directory>/<name_space>`.
  std::string directory;

  /// Stores in one directory that know nothing of each other; letters, digits, '-', '_' and '.'; at most 100 bytes.
  std::string name_space = "default";

  /// Threads, each with a write-ahead log of its own; topics are spread over them. 1 to 8. May differ from one open to
  /// the next.
  unsigned shards = 1;

  Fsync fsync = Fsync::kAlways;
  std::chrono::milliseconds fsync_interval{100};  ///< of Fsync::kInterval; at least 1

  /// A topic goes on in a new segment when the present one holds this many bytes or records. Retention and trim give
  /// disk space back in whole segments.
  std::uint64_t segment_bytes = std::uint64_t{256} << 20;
  std::uint64_t segment_records = 1'000'000;

  /// What a shard holds in memory of records that the log has not taken yet. Beyond it append() waits.
  std::size_t staging_bytes = std::size_t{16} << 20;

  /// False: files are written by system calls on a few threads. Where the kernel refuses io_uring that is done anyway.
  bool io_uring = true;
};

struct TopicOptions {
  /// Of appends to this topic from now on, by whoever makes them, until the store is closed; the store's, unless given.
  std::optional<Fsync> fsync = std::nullopt;
};

struct CursorOptions {
  /// 1: a position is on the disk before its record is handed out, so that a crash never makes a record come again.
  /// N: it is written at every Nth record, so that a crash makes at most N come again. A clean close() always writes
  /// it.
  std::uint64_t persist_every = 1;
};

}  // namespace walrus::store
