// The Kafka record batch, version 2 (magic 2): the unit of storage, replication and transfer. Format and field names:
// https://kafka.apache.org/documentation/#recordbatch and docs/format/record_batch.md. Integers of the batch header are
// big-endian; the CRC-32C covers everything behind the crc field, so that base offset and leader epoch can be set
// without a second pass. Stateless; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/producer.h"
#include "base/result.h"

namespace walrus::storage {

inline constexpr std::size_t kBatchHeaderBytes = 61;

struct RecordHeader {
  std::string_view key;
  std::string_view value;
};

/// One record as a view into its batch. A null value, which only foreign producers write, reads as an empty one.
struct RecordView {
  Offset offset;
  std::int64_t timestamp_ms = 0;
  std::optional<std::string_view> key;
  std::string_view value;
  std::string_view raw_headers;  ///< as they stand in the batch; headers_of() reads them
};

/// The headers of a record that a BatchReader gave.
std::vector<RecordHeader> headers_of(const RecordView& record);

/// The header of a batch, decoded and checked for shape (sizes, magic, counts), not for its CRC.
struct BatchHeader {
  Offset base_offset;
  std::uint32_t size = 0;  ///< of the whole batch in bytes, header included
  std::uint32_t leader_epoch = 0;
  std::uint32_t crc = 0;
  std::uint16_t attributes = 0;
  std::uint32_t records = 0;
  std::int64_t first_timestamp_ms = 0;
  std::int64_t max_timestamp_ms = 0;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;

  Offset end_offset() const { return base_offset + records; }
};

/// Who wrote the batch exactly once; nothing for a batch without a producer.
std::optional<ProducerStamp> producer_of(const BatchHeader& header);

/// Decodes the header at the front of `bytes` (which may go on behind the batch). kCorrupt when it is no batch.
Result<BatchHeader> parse_batch_header(std::string_view bytes);

/// parse_batch_header() plus: `bytes` is exactly one batch and its CRC is right.
Result<BatchHeader> check_batch(std::string_view bytes);

/// Gathers records into one batch. Reusable after finish(). No allocation per record beyond the growth of one buffer.
class BatchBuilder {
 public:
  BatchBuilder();
  void add(std::string_view value, std::int64_t timestamp_ms);
  void add(std::optional<std::string_view> key, std::string_view value, std::span<const RecordHeader> headers,
           std::int64_t timestamp_ms);
  /// For the batch being gathered; without it the batch carries no producer (-1).
  void set_producer(std::int64_t id, std::int16_t epoch, std::int32_t base_sequence);
  void set_producer(const ProducerStamp& stamp);
  std::uint32_t records() const { return records_; }
  /// Size of the batch if it were finished now; 0 while there is none.
  std::size_t bytes() const { return buffer_.size(); }
  bool empty() const { return records_ == 0; }
  /// Completes header and CRC and hands the batch over; the builder is empty again. At least one record is there.
  /// The next batch grows in the memory of `next`, whose content is of no use any more.
  std::string finish(Offset base, std::string next = {});
  /// The same, shared. A small batch is copied, and the builder keeps its memory.
  SharedBytes finish_shared(Offset base);
  /// The next batch, if it needs fresh memory, begins with room for so much.
  void expect(std::size_t bytes) { last_size_ = bytes; }
  /// Drops what was added since the last finish(), and a large buffer.
  void clear();

 private:
  void complete(Offset base);
  char* grow(std::size_t bytes);
  std::int64_t note_time(std::int64_t timestamp_ms);

  std::string buffer_;  // header space first; empty while there is no record
  std::size_t last_size_ = 0;
  std::uint32_t records_ = 0;
  std::int64_t first_timestamp_ms_ = 0;
  std::int64_t max_timestamp_ms_ = 0;
  std::int64_t producer_id_ = -1;
  std::int16_t producer_epoch_ = -1;
  std::int32_t base_sequence_ = -1;
};

/// Sets the base offset of a finished batch in place; the CRC does not cover it.
void set_base_offset(std::string& batch, Offset base);

/// Walks the records of a batch, front to back. Safe on any bytes, but only a batch that has passed check_batch() once
/// in its life on this node is known to be what was written.
class BatchReader {
 public:
  explicit BatchReader(std::string_view batch);
  /// The next record; nullopt at the end; kCorrupt when the inside does not add up, kUnsupported when it is compressed.
  Result<std::optional<RecordView>> next();
  const BatchHeader& header() const { return header_; }

 private:
  BatchHeader header_;
  std::string_view rest_;
  std::uint32_t taken_ = 0;
};

}  // namespace walrus::storage
