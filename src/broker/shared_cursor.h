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

  /// Records before `start` are gone: the position moves up to it, if it is behind.
  void skip_to(Offset start);

  /// Later takes, and those that wait, get kNotLeader: the position is about to move to another owner.
  void freeze();
  bool frozen() const { return frozen_; }

 private:
  struct Request {
    std::uint32_t max_records;
    std::size_t max_bytes;
    TakeDone done;
  };

  void pump();
  /// Fills `taken` from what has been read ahead; an error when a batch does not add up.
  Status gather(const Request& request, Taken& taken);
  bool next_batch();
  void read_ahead();
  void finish_front(Result<Taken> taken);

  Offset position_;
  Source source_;
  std::deque<Request> requests_;
  std::deque<SharedBytes> ahead_;  // batches read and not begun
  SharedBytes current_;            // the batch that reader_ walks
  std::optional<storage::BatchReader> reader_;
  bool reading_ = false;
  bool pumping_ = false;
  bool frozen_ = false;
};

}  // namespace walrus::broker
