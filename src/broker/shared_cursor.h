// GET's cursor: one position per topic, owned by the leader of the topic's open segment. take() hands out the next
// records and moves on; requests are served strictly one behind the other.
//
// It reads ahead in whole batches and keeps the rest for the next take. Records once handed out are not handed out
// again by this owner; its position is committed through Raft (cursor_flusher.h), so that after a crash some may come
// again and none is skipped.
//
// I11: the position never passes the readable end, and never moves back. Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "storage/record_batch.h"
#include "storage/segment.h"

namespace walrus::broker {

/// Payloads in order of offsets. The views are valid as long as this object lives.
struct Taken {
  std::vector<std::string_view> payloads;
  bool at_end = false;  ///< fewer than asked for because there are no more
  std::vector<SharedBytes> owners;
};
using TakeDone = std::move_only_function<void(Result<Taken>)>;

/// Stored batches, and which of their records are meant: those from `first` up to `next`.
struct CursorRead {
  Offset first;
  Offset next;
  storage::Batches batches;
};
using CursorReadDone = std::move_only_function<void(Result<CursorRead>)>;

/// The place behind the last record of the batches that a reader from `from` on gets within both bounds; at least one
/// record. Whole batches are not looked into.
Result<Offset> bounded_end(const storage::Batches& batches, Offset from, std::uint32_t max_records,
                           std::size_t max_bytes);

class SharedCursor : public std::enable_shared_from_this<SharedCursor> {
 public:
  /// Where records come from: read(from, done) gives batches from `from` on, and readable_end() says how far it may be
  /// called. moved() runs after the position has moved.
  struct Source {
    std::function<Offset()> readable_end;
    std::function<void(Offset from, storage::BatchesDone done)> read;
    std::function<void()> moved;
  };

  SharedCursor(Offset position, Source source) : position_(position), source_(std::move(source)) {}

  Offset position() const { return position_; }

  /// Up to `max_records` records of about `max_bytes` together; may be fewer (see Taken::at_end).
  void take(std::uint32_t max_records, std::size_t max_bytes, TakeDone done);

  /// Up to `max_records` records of about `max_bytes` together, at least one, as the batches that hold them; none at
  /// the end. The position moves behind them only with `advance`.
  void read(std::uint32_t max_records, std::size_t max_bytes, bool advance, CursorReadDone done);

  /// The position moves up to `start`, if it is behind: what lies before is gone, or done.
  void skip_to(Offset start);
  /// The position moves to `place`, back as well.
  void move_to(Offset place);

  /// Later takes, and those that wait, get kNotLeader: the position is about to move to another owner.
  void freeze();
  bool frozen() const { return frozen_; }

 private:
  struct Request {
    std::uint32_t max_records;
    std::size_t max_bytes;
    std::variant<TakeDone, CursorReadDone> done;
    bool advance = true;  // of a read
  };

  void pump();
  /// Fills `taken` from what has been read ahead; an error when a batch does not add up.
  Status gather(const Request& request, Taken& taken);
  bool next_batch();
  void read_ahead();
  void read_batches();
  void finish_read(Result<storage::Batches> batches);
  void finish_front(Result<Taken> taken);
  void finish_front(Result<CursorRead> read);
  void fail_front(const Error& error);

  Offset position_;
  Source source_;
  std::deque<Request> requests_;
  std::deque<SharedBytes> ahead_;  // batches read and not begun
  SharedBytes current_;            // the batch that reader_ walks
  std::optional<storage::BatchReader> reader_;
  bool reading_ = false;
  bool pumping_ = false;
  bool frozen_ = false;
  std::uint64_t moves_ = 0;  // what was read before a move does not count
};

}  // namespace walrus::broker
