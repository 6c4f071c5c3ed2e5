// Records of one topic on their way: gathered into batches, numbered, sent, answered, sent again in order.
//
// A batch gets its sequence number when it is sent for the first time and keeps it, so that the server knows a
// repetition. At most kMaxBatchesInFlight batches are under way, which is how many a server remembers of a producer.
// When one of them fails in a way that passes, no more is sent until all that are under way are answered; then the ones
// that are left go again, in order (go-back-N). Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "walrus/client/producer.h"

namespace walrus::client {

struct WriteBatch {
  using Clock = std::chrono::steady_clock;

  std::string records;  ///< in their binary form (protocol/record.h)
  std::vector<Producer::Done> done;
  Clock::time_point opened;
  std::uint64_t mark = 0;      ///< the producer's, of when it was opened
  std::int32_t sequence = -1;  ///< of the first record, once it was sent
  bool maybe_stored = false;   ///< some sending of it ended with an unknown outcome

  std::int32_t count() const { return static_cast<std::int32_t>(done.size()); }
};

using WriteBatchPtr = std::shared_ptr<WriteBatch>;

class BatchQueue {
 public:
  static constexpr std::size_t kMaxBatchesInFlight = 5;

  BatchQueue(std::size_t batch_bytes, std::chrono::microseconds linger) : batch_bytes_(batch_bytes), linger_(linger) {}

  /// Takes a record into the open batch, or opens one with `mark`; the mark of the batch.
  std::uint64_t add(std::string_view record, Producer::Done done, std::uint64_t mark = 0);

  /// The next batch to send, numbered; null when there is none now.
  WriteBatchPtr next(WriteBatch::Clock::time_point now);
  /// When next() may have something though it has nothing now.
  std::optional<WriteBatch::Clock::time_point> due() const;

  /// A batch that was sent is durable: it leaves.
  void stored(const WriteBatch& batch);
  /// The server will never take it, and did not: it leaves, and later ones move up into its numbers.
  void refused(const WriteBatch& batch);
  /// Its sending failed; it stays, to be sent again.
  void failed(WriteBatch& batch, bool maybe_stored);

  bool empty() const { return waiting_.empty() && sent_.empty(); }
  /// Some have to go again and nothing is under way: after a pause of the caller's choice, repeat().
  bool to_be_repeated() const { return repeating_ && under_way_ == 0; }
  void repeat();
  /// In a row, without a batch stored between them.
  unsigned failures() const { return failures_; }
  /// Nothing is under way.
  bool quiet() const { return under_way_ == 0; }
  /// The oldest batch that was sent; null when there is none.
  WriteBatchPtr oldest() const { return sent_.empty() ? nullptr : sent_.front(); }

  /// Numbers begin again from 0, and with them every batch that surely was not stored. The others are handed out, and
  /// so are those opened before `expired`. Nothing may be under way.
  std::deque<WriteBatchPtr> begin_anew(WriteBatch::Clock::time_point expired);
  /// All of it, in order.
  std::deque<WriteBatchPtr> take_all();

 private:
  void take_out(const WriteBatch& batch);

  const std::size_t batch_bytes_;
  const std::chrono::microseconds linger_;
  std::deque<WriteBatchPtr> waiting_;  // never sent; the last one is open
  std::deque<WriteBatchPtr> sent_;     // by sequence
  std::size_t next_sent_ = 0;          // of sent_, those before it are under way or have failed in this round
  std::size_t under_way_ = 0;
  std::int32_t next_sequence_ = 0;
  unsigned failures_ = 0;
  bool repeating_ = false;
};

}  // namespace walrus::client
