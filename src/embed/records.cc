#include "walrus/records.h"

#include "base/bytes.h"
#include "embed/read_ahead.h"
#include "embed/read_batches.h"
#include "storage/record_batch.h"

namespace walrus::store {
namespace {

constexpr std::uint16_t kLogAppendTime = 0x08;

/// A length and as many bytes off the front; nothing for a length of -1. False when it does not add up.
bool take_bytes(std::string_view& from, std::optional<std::string_view>& bytes) {
  std::int64_t length = 0;
  if (!take_varint(from, length)) return false;
  if (length < 0) {
    bytes.reset();
    return true;
  }
  if (static_cast<std::uint64_t>(length) > from.size()) return false;
  bytes = from.substr(0, static_cast<std::size_t>(length));
  from.remove_prefix(static_cast<std::size_t>(length));
  return true;
}

}  // namespace

Records::Iterator Records::begin() const {
  Iterator it;
  if (!batches_ || batches_->batches.empty()) return it;
  it.records_ = batches_.get();
  it.next_batch();
  while (it.records_ != nullptr && it.record_.offset < batches_->from.value()) ++it;
  return it;
}

/// To the first record of the next batch, if there is one.
void Records::Iterator::next_batch() {
  if (next_batch_ == records_->batches.size()) {
    records_ = nullptr;
    return;
  }
  const std::string_view bytes = records_->batches[next_batch_++].view();
  const auto header = storage::parse_batch_header(bytes);
  if (!header) {
    records_ = nullptr;
    return;
  }
  rest_ = bytes.substr(storage::kBatchHeaderBytes, header->size - storage::kBatchHeaderBytes);
  left_ = header->records;
  batch_time_ms_ = header->first_timestamp_ms;
  log_append_time_ = (header->attributes & kLogAppendTime) != 0;
  if (log_append_time_) batch_time_ms_ = header->max_timestamp_ms;
  record_.offset = header->base_offset.value() - 1;
  ++*this;
}

/// The CRC of every batch was checked when it was read; a record that does not add up all the same, which no version
/// has written, ends the walk.
Records::Iterator& Records::Iterator::operator++() {
  if (left_ == 0) {
    next_batch();
    return *this;
  }
  --left_;
  std::int64_t size = 0;
  std::int64_t time_delta = 0;
  std::int64_t offset_delta = 0;
  std::optional<std::string_view> value;
  bool whole = take_varint(rest_, size) && size > 0 && static_cast<std::uint64_t>(size) <= rest_.size();
  if (whole) {
    std::string_view record = rest_.substr(1, static_cast<std::size_t>(size) - 1);  // behind the attributes
    rest_.remove_prefix(static_cast<std::size_t>(size));
    whole = take_varint(record, time_delta) && take_varint(record, offset_delta) && take_bytes(record, record_.key) &&
            take_bytes(record, value);
  }
  if (!whole) {
    records_ = nullptr;
    return *this;
  }
  ++record_.offset;
  record_.timestamp_ms = log_append_time_ ? batch_time_ms_ : batch_time_ms_ + time_delta;
  record_.value = value.value_or(std::string_view());
  return *this;
}

std::uint64_t Records::size() const { return batches_ ? batches_->end - batches_->from : 0; }
std::uint64_t Records::first_offset() const { return batches_ ? batches_->from.value() : 0; }
std::uint64_t Records::end_offset() const { return batches_ ? batches_->end.value() : 0; }
std::size_t Records::bytes() const { return batches_ ? batches_->bytes : 0; }

OwnedRecord::OwnedRecord(const RecordView& view)
    : offset_(view.offset), timestamp_ms_(view.timestamp_ms), value_(view.value) {
  if (view.key) key_.emplace(*view.key);
}

Reader::Reader(std::unique_ptr<embed::ReadAhead> ahead) : ahead_(std::move(ahead)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Records> Reader::next() { return ahead_->next(); }

}  // namespace walrus::store
