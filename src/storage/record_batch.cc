#include "storage/record_batch.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/limits.h"

namespace walrus::storage {
namespace {

// Positions of the header's fields.
constexpr std::size_t kBaseOffset = 0;
constexpr std::size_t kBatchLength = 8;  // of what follows this field
constexpr std::size_t kLeaderEpoch = 12;
constexpr std::size_t kMagic = 16;
constexpr std::size_t kCrc = 17;
constexpr std::size_t kAttributes = 21;  // the CRC covers from here to the end
constexpr std::size_t kLastOffsetDelta = 23;
constexpr std::size_t kFirstTimestamp = 27;
constexpr std::size_t kMaxTimestamp = 35;
constexpr std::size_t kProducerId = 43;
constexpr std::size_t kProducerEpoch = 51;
constexpr std::size_t kBaseSequence = 53;
constexpr std::size_t kRecordCount = 57;

constexpr std::size_t kLengthEnd = kBatchLength + 4;
constexpr char kMagicV2 = 2;
constexpr std::uint16_t kCompressionMask = 0x07;
constexpr std::uint16_t kLogAppendTime = 0x08;
// Length, attributes, timestamp delta, offset delta, key length, value length and header count, one byte each.
constexpr std::size_t kSmallestRecord = 7;
constexpr std::int64_t kNull = -1;

std::unexpected<Error> corrupt(const char* what) { return fail(ErrorCode::kCorrupt, fmt::format("batch: {}", what)); }

std::int64_t load_i64(const char* from) { return static_cast<std::int64_t>(load_big<std::uint64_t>(from)); }

char* store_bytes(char* to, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

std::size_t sized(std::string_view bytes) {
  return varint_size(static_cast<std::int64_t>(bytes.size())) + bytes.size();
}

char* store_sized(char* to, std::string_view bytes) {
  return store_bytes(store_varint(to, static_cast<std::int64_t>(bytes.size())), bytes);
}

/// Takes a length and as many bytes; a length of -1 is null, for which `present` is false.
bool take_sized(std::string_view& from, std::string_view& bytes, bool& present) {
  std::int64_t length = 0;
  if (!take_varint(from, length)) return false;
  present = length != kNull;
  bytes = {};
  if (!present) return true;
  if (length < 0 || static_cast<std::uint64_t>(length) > from.size()) return false;
  bytes = from.substr(0, static_cast<std::size_t>(length));
  from.remove_prefix(bytes.size());
  return true;
}

/// Takes the headers off the end of a record; true when they end exactly where the record does.
bool take_headers(std::string_view& from) {
  std::int64_t count = 0;
  if (!take_varint(from, count) || count < 0) return false;
  std::string_view bytes;
  bool present = false;
  for (; count > 0; --count) {
    if (!take_sized(from, bytes, present) || !present) return false;
    if (!take_sized(from, bytes, present)) return false;
  }
  return from.empty();
}

}  // namespace

std::vector<RecordHeader> headers_of(const RecordView& record) {
  std::string_view rest = record.raw_headers;
  std::int64_t count = 0;
  if (!take_varint(rest, count)) return {};
  std::vector<RecordHeader> headers(static_cast<std::size_t>(count));
  bool present = false;
  for (RecordHeader& header : headers) {
    (void)take_sized(rest, header.key, present);  // the reader has checked that they add up
    (void)take_sized(rest, header.value, present);
  }
  return headers;
}

Result<BatchHeader> parse_batch_header(std::string_view bytes) {
  if (bytes.size() < kBatchHeaderBytes) return corrupt("shorter than its header");
  const char* at = bytes.data();
  if (at[kMagic] != kMagicV2) return corrupt("magic is not 2");

  const auto base = load_big<std::uint64_t>(at + kBaseOffset);
  const auto length = load_big<std::uint32_t>(at + kBatchLength);
  const auto records = load_big<std::uint32_t>(at + kRecordCount);
  const auto last_delta = load_big<std::uint32_t>(at + kLastOffsetDelta);
  constexpr std::uint32_t kMost = std::numeric_limits<std::int32_t>::max();
  if (length < kBatchHeaderBytes - kLengthEnd || length > kMost - kLengthEnd) return corrupt("impossible length");
  if (length + kLengthEnd > bytes.size()) return corrupt("cut off");
  if (records == 0 || records > kMost || last_delta != records - 1) return corrupt("impossible record count");
  if (base > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) - records) {
    return corrupt("impossible base offset");
  }

  BatchHeader header;
  header.base_offset = Offset(base);
  header.size = static_cast<std::uint32_t>(length + kLengthEnd);
  header.leader_epoch = load_big<std::uint32_t>(at + kLeaderEpoch);
  header.crc = load_big<std::uint32_t>(at + kCrc);
  header.attributes = load_big<std::uint16_t>(at + kAttributes);
  header.records = records;
  header.first_timestamp_ms = load_i64(at + kFirstTimestamp);
  header.max_timestamp_ms = load_i64(at + kMaxTimestamp);
  header.producer_id = load_i64(at + kProducerId);
  header.producer_epoch = static_cast<std::int16_t>(load_big<std::uint16_t>(at + kProducerEpoch));
  header.base_sequence = static_cast<std::int32_t>(load_big<std::uint32_t>(at + kBaseSequence));
  const bool compressed = (header.attributes & kCompressionMask) != 0;
  if (!compressed && records > (header.size - kBatchHeaderBytes) / kSmallestRecord) {
    return corrupt("more records than fit");
  }
  return header;
}

std::optional<ProducerStamp> producer_of(const BatchHeader& header) {
  if (header.producer_id < 0 || header.producer_epoch < 0 || header.base_sequence < 0) return std::nullopt;
  return ProducerStamp{.id = ProducerId(static_cast<std::uint64_t>(header.producer_id)),
                       .epoch = static_cast<std::uint16_t>(header.producer_epoch),
                       .sequence = static_cast<std::uint32_t>(header.base_sequence)};
}

Result<BatchHeader> check_batch(std::string_view bytes) {
  auto header = parse_batch_header(bytes);
  if (!header) return header;
  if (header->size != bytes.size()) return corrupt("bytes behind its end");
  if (crc32c(bytes.substr(kAttributes)) != header->crc) return corrupt("CRC mismatch");
  return header;
}

/// One piece of memory made and filled at once costs less than a buffer that another thread has to give back.
constexpr std::size_t kLargestCopied = 4 * limits::kKiB;

BatchBuilder::BatchBuilder() = default;

void BatchBuilder::set_producer(std::int64_t id, std::int16_t epoch, std::int32_t base_sequence) {
  producer_id_ = id;
  producer_epoch_ = epoch;
  base_sequence_ = base_sequence;
}

void BatchBuilder::set_producer(const ProducerStamp& stamp) {
  set_producer(static_cast<std::int64_t>(stamp.id.value()), static_cast<std::int16_t>(stamp.epoch),
               static_cast<std::int32_t>(stamp.sequence));
}

char* BatchBuilder::grow(std::size_t bytes) {
  // A fresh buffer starts at the size of the batch before: in a steady flow it never has to move.
  if (buffer_.empty()) buffer_.reserve(std::max(last_size_, kBatchHeaderBytes + bytes));
  const std::size_t used = buffer_.empty() ? kBatchHeaderBytes : buffer_.size();
  const std::size_t size = used + bytes;
  // Not the callback's own argument: libstdc++ 12 passes the rounded-up capacity there.
  buffer_.resize_and_overwrite(size, [size](char*, std::size_t) { return size; });
  return buffer_.data() + used;
}

std::int64_t BatchBuilder::note_time(std::int64_t timestamp_ms) {
  if (records_ == 0) first_timestamp_ms_ = max_timestamp_ms_ = timestamp_ms;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, timestamp_ms);
  // Unsigned arithmetic: any two timestamps have a difference, and the reader's sum undoes it.
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp_ms) -
                                   static_cast<std::uint64_t>(first_timestamp_ms_));
}

void BatchBuilder::add(std::string_view value, std::int64_t timestamp_ms) {
  add(std::nullopt, value, {}, timestamp_ms);
}

void BatchBuilder::add(std::optional<std::string_view> key, std::string_view value,
                       std::span<const RecordHeader> headers, std::int64_t timestamp_ms) {
  const std::int64_t time_delta = note_time(timestamp_ms);
  const auto offset_delta = static_cast<std::int64_t>(records_);
  const auto header_count = static_cast<std::int64_t>(headers.size());

  std::size_t size = 1 + varint_size(time_delta) + varint_size(offset_delta) + (key ? sized(*key) : 1) + sized(value) +
                     varint_size(header_count);
  for (const RecordHeader& header : headers) size += sized(header.key) + sized(header.value);

  char* to = grow(varint_size(static_cast<std::int64_t>(size)) + size);
  to = store_varint(to, static_cast<std::int64_t>(size));
  *to++ = 0;  // attributes: none are defined for records
  to = store_varint(to, time_delta);
  to = store_varint(to, offset_delta);
  to = key ? store_sized(to, *key) : store_varint(to, kNull);
  to = store_sized(to, value);
  to = store_varint(to, header_count);
  for (const RecordHeader& header : headers) to = store_sized(store_sized(to, header.key), header.value);
  WALRUS_ASSERT(to == buffer_.data() + buffer_.size());
  ++records_;
}

void BatchBuilder::complete(Offset base) {
  WALRUS_ASSERT(records_ > 0);
  char* at = buffer_.data();
  store_big<std::uint64_t>(at + kBaseOffset, base.value());
  store_big<std::uint32_t>(at + kBatchLength, static_cast<std::uint32_t>(buffer_.size() - kLengthEnd));
  store_big<std::uint32_t>(at + kLeaderEpoch, 0);
  at[kMagic] = kMagicV2;
  store_big<std::uint16_t>(at + kAttributes, 0);
  store_big<std::uint32_t>(at + kLastOffsetDelta, records_ - 1);
  store_big<std::uint64_t>(at + kFirstTimestamp, static_cast<std::uint64_t>(first_timestamp_ms_));
  store_big<std::uint64_t>(at + kMaxTimestamp, static_cast<std::uint64_t>(max_timestamp_ms_));
  store_big<std::uint64_t>(at + kProducerId, static_cast<std::uint64_t>(producer_id_));
  store_big<std::uint16_t>(at + kProducerEpoch, static_cast<std::uint16_t>(producer_epoch_));
  store_big<std::uint32_t>(at + kBaseSequence, static_cast<std::uint32_t>(base_sequence_));
  store_big<std::uint32_t>(at + kRecordCount, records_);
  store_big<std::uint32_t>(at + kCrc, crc32c(std::string_view(buffer_).substr(kAttributes)));

  last_size_ = buffer_.size();
  records_ = 0;
  set_producer(-1, -1, -1);
}

std::string BatchBuilder::finish(Offset base, std::string next) {
  complete(base);
  next.clear();
  return std::exchange(buffer_, std::move(next));
}

SharedBytes BatchBuilder::finish_shared(Offset base) {
  complete(base);
  if (buffer_.size() > kLargestCopied) return SharedBytes(std::exchange(buffer_, {}));
  SharedBytes batch = SharedBytes::copy_of(buffer_);
  buffer_.clear();
  return batch;
}

void BatchBuilder::clear() {
  records_ = 0;
  set_producer(-1, -1, -1);
  if (buffer_.capacity() > kLargestCopied) {
    buffer_ = {};
  } else {
    buffer_.clear();
  }
}

void set_base_offset(std::string& batch, Offset base) {
  WALRUS_ASSERT(batch.size() >= kBatchHeaderBytes);
  store_big<std::uint64_t>(batch.data() + kBaseOffset, base.value());
}

BatchReader::BatchReader(std::string_view batch) {
  if (auto header = parse_batch_header(batch)) {
    header_ = *header;
    rest_ = batch.substr(kBatchHeaderBytes, header_.size - kBatchHeaderBytes);
  }
}

Result<std::optional<RecordView>> BatchReader::next() {
  if (header_.records == 0) return corrupt("no valid header");
  if ((header_.attributes & kCompressionMask) != 0) {
    return fail(ErrorCode::kUnsupported, "batch: compressed records");
  }
  if (taken_ == header_.records) {
    if (!rest_.empty()) return corrupt("bytes behind the last record");
    return std::nullopt;
  }

  std::string_view record;
  bool present = false;
  if (!take_sized(rest_, record, present) || record.empty()) return corrupt("record cut off");
  record.remove_prefix(1);  // attributes
  std::int64_t time_delta = 0;
  std::int64_t offset_delta = 0;
  if (!take_varint(record, time_delta) || !take_varint(record, offset_delta)) return corrupt("record cut off");
  if (offset_delta != static_cast<std::int64_t>(taken_)) return corrupt("offsets are not dense");

  RecordView view;
  view.offset = header_.base_offset + taken_;
  view.timestamp_ms = (header_.attributes & kLogAppendTime) != 0
                          ? header_.max_timestamp_ms
                          : static_cast<std::int64_t>(static_cast<std::uint64_t>(header_.first_timestamp_ms) +
                                                      static_cast<std::uint64_t>(time_delta));
  std::string_view key;
  if (!take_sized(record, key, present)) return corrupt("key cut off");
  if (present) view.key = key;
  if (!take_sized(record, view.value, present)) return corrupt("value cut off");
  view.raw_headers = record;
  if (!take_headers(record)) return corrupt("headers do not add up");
  ++taken_;
  return view;
}

}  // namespace walrus::storage
