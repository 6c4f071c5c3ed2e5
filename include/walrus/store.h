// A durable message log inside a program: topics of records with dense offsets, on local disk, without a server.
//
//   auto store = walrus::store::Store::open({.directory = "/var/lib/app"});
//   if (!store) return fail(store.error().message());
//   auto topic = store->topic("orders");                      // there from now on
//   auto offset = topic->append("first");                     // on the disk when it returns
//   auto batch = topic->read(*offset, 1 << 20);               // whole records, up to about 1 MiB
//   for (const auto& record : *batch) use(record.value);
//   auto cursor = topic->cursor("billing");
//   while (auto next = cursor->next(); next && *next) bill((*next)->value());
//
// Promises, under Fsync::kAlways: what append() has returned for is on the disk; no crash or power cut takes it away,
// makes it appear twice or out of order. A batch is there whole or not at all. Readers see only what is on the disk.
// Topics, settings, trims and cursors are as durable as records are.
//
// Threads: every method may be called from any thread at any time, but for the destructors. Calls block; appends that
// arrive while the disk is writing share the next write, so many threads are as cheap as one. Threads of the store: one
// for each shard (and a few more where io_uring is refused). Any number of stores may be open in a process; they share
// nothing but the allocator and the log lines on stderr.
//
// How it fails: see ErrorCode. A failed disk costs the records that were in flight, whose outcome is unknown; topics go
// on in a new segment. A full disk costs nothing: appends say so and work again once there is space. A directory is
// open once: a second opener, in this process or another, is refused with kConflict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "walrus/options.h"
#include "walrus/records.h"
#include "walrus/result.h"

namespace walrus::embed {
class Engine;
class Topic;
class CursorState;
struct Opener;
}  // namespace walrus::embed

namespace walrus::store {

/// Most that append() and append_batch() take in one call: keys, values and about 20 bytes for each record.
inline constexpr std::size_t kMaxBatchBytes = std::size_t{16} << 20;
inline constexpr std::size_t kMaxNameBytes = 249;  ///< of topics and cursors

/// What to append. The bytes are copied before the call returns.
struct Record {
  std::string_view value;
  std::optional<std::string_view> key = std::nullopt;
  /// Milliseconds since the Unix epoch; now, unless given. Retention goes by the time of the append, not by this.
  std::optional<std::int64_t> timestamp_ms = std::nullopt;
};

/// Counts of what can be read. `start` is the first offset that is there, `end` the one after the last.
struct TopicStats {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t records = 0;   ///< end - start
  std::uint64_t bytes = 0;     ///< of segments, as stored
  std::uint64_t segments = 0;  ///< the open one included
};

/// Runs once, on a thread of the store: it must be quick and must not block on the store.
using AppendDone = std::move_only_function<void(Result<std::uint64_t>)>;

/// A named position in a topic that survives the program. Copies, and cursors of the same name, share one position:
/// each record is handed out once.
class Cursor {
 public:
  /// The next record, and moves on; empty at the end of the topic. Records that retention or trim took are skipped.
  Result<std::optional<OwnedRecord>> next();
  /// The same without moving.
  Result<std::optional<OwnedRecord>> peek();
  /// The next records, up to about `max_bytes` but at least one when there is one. Counts as one step: its position is
  /// written once, before they are handed out, if `persist_every` is reached.
  Result<Records> next_batch(std::size_t max_bytes);

  std::uint64_t position() const;
  /// Written to disk before it returns. kOutOfRange outside of [start, end] of the topic.
  Status seek(std::uint64_t offset);
  /// Writes the position to disk now.
  Status commit();

 private:
  friend class Topic;
  Cursor(std::shared_ptr<embed::Engine> engine, std::shared_ptr<embed::Topic> topic,
         std::shared_ptr<embed::CursorState> state);
  std::shared_ptr<embed::Engine> engine_;
  std::shared_ptr<embed::Topic> topic_;
  std::shared_ptr<embed::CursorState> state_;
};

/// One topic. Cheap to copy. After remove_topic() its calls answer kNotFound, after close() kClosed.
class Topic {
 public:
  const std::string& name() const;

  /// The offset that the record got. See Fsync for what has happened when it returns. With a weaker policy an error of
  /// an earlier append may be told here.
  Result<std::uint64_t> append(std::string_view value);
  Result<std::uint64_t> append(const Record& record);
  /// All or none, also over a crash; the offset of the first. At least one record.
  Result<std::uint64_t> append_batch(std::span<const Record> records);
  /// As append_batch(), but returns as soon as the records are copied; `done` runs when append_batch() would return.
  /// May wait for room in the staging memory, as append() does.
  void append_async(std::span<const Record> records, AppendDone done);

  /// Whole records from `offset` on, up to about `max_bytes` but at least one when there is one; empty at the end.
  /// kOutOfRange before the start or behind the end.
  Result<Records> read(std::uint64_t offset, std::size_t max_bytes) const;
  /// Goes through the topic in order, reading ahead while the caller works. For long scans.
  Reader reader(std::uint64_t offset, std::size_t chunk_bytes = std::size_t{1} << 20) const;

  /// Makes it at the start of the topic when there is none of this name.
  Result<Cursor> cursor(std::string_view name, const CursorOptions& options = {});
  /// Who still holds it is answered kNotFound from then on.
  Status remove_cursor(std::string_view name);

  Result<TopicStats> stats() const;
  /// Closes the open segment: the next append begins a new one. What is there now can then go by retention and trim.
  Status seal();
  /// Makes everything before `offset` (or the end, if that is less) unreadable, and gives back the disk space of the
  /// segments that hold nothing else. Durable when it returns.
  Status trim(std::uint64_t offset);
  /// Durable when it returns. Applied at once and from then on.
  Status set_retention(const Retention& retention);
  Result<Retention> retention() const;

 private:
  friend class Store;
  Topic(std::shared_ptr<embed::Engine> engine, std::shared_ptr<embed::Topic> topic);
  std::shared_ptr<embed::Engine> engine_;
  std::shared_ptr<embed::Topic> topic_;
};

/// A directory of topics. Move only; the destructor closes.
class Store {
 public:
  /// Finds what is there, or begins anew. After a crash it replays the write-ahead logs: seconds at most, whatever the
  /// amount of data. kConflict when the directory is open; kCorrupt when the store's own catalog is damaged.
  static Result<Store> open(const Options& options);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// Makes the topic, durably, when there is none. A name is 1 to kMaxNameBytes bytes.
  Result<Topic> topic(std::string_view name, const TopicOptions& options = {});
  /// kNotFound when there is none.
  Result<Topic> find_topic(std::string_view name) const;
  std::vector<std::string> topics() const;  ///< sorted
  /// With its records and cursors; the disk space is free when it returns.
  Status remove_topic(std::string_view name);

  /// Everything appended before the call, by any thread under any Fsync, is on the disk when it returns.
  Status sync();
  /// Damage found when the directory was opened, one sentence each: file, position, what was done about it.
  const std::vector<std::string>& damage() const;

  /// Syncs, writes cursors, frees the directory. Calls under way end first. The first error met on the way; the store
  /// is closed nevertheless. Again: no effect.
  Status close();

 private:
  friend struct embed::Opener;
  explicit Store(std::shared_ptr<embed::Engine> engine);
  std::shared_ptr<embed::Engine> engine_;
};

}  // namespace walrus::store
