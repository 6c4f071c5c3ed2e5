// What reading gives: records, as views into memory that the result keeps alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "walrus/result.h"

namespace walrus::embed {
class Engine;
class Topic;
struct ReadBatches;
class ReadAhead;
}  // namespace walrus::embed

namespace walrus::store {

/// Views live as long as the Records they come from.
struct RecordView {
  std::uint64_t offset = 0;
  std::int64_t timestamp_ms = 0;  ///< since the Unix epoch
  std::optional<std::string_view> key;
  std::string_view value;
};

/// Records with consecutive offsets, to be gone through from the front. Decoded on the way, nothing is copied: the
/// memory is what was read from the disk. Copies share it. Any thread may go through it, each with iterators of its
/// own.
class Records {
 public:
  class Iterator {
   public:
    using value_type = RecordView;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    Iterator() = default;
    const RecordView& operator*() const { return record_; }
    const RecordView* operator->() const { return &record_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.records_ == nullptr; }

   private:
    friend class Records;
    void next_batch();

    const embed::ReadBatches* records_ = nullptr;  // null: at the end
    std::size_t next_batch_ = 0;
    std::string_view rest_;   // of the batch
    std::uint64_t left_ = 0;  // records in it
    std::int64_t batch_time_ms_ = 0;
    bool log_append_time_ = false;  // all have the batch's time
    RecordView record_;
  };

  Records() = default;
  explicit Records(std::shared_ptr<const embed::ReadBatches> batches) : batches_(std::move(batches)) {}

  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

  bool empty() const { return size() == 0; }
  std::uint64_t size() const;  ///< records
  std::uint64_t first_offset() const;
  std::uint64_t end_offset() const;  ///< where to read on
  std::size_t bytes() const;         ///< of the batches, as stored

 private:
  std::shared_ptr<const embed::ReadBatches> batches_;
};

/// One record with its own copy of the bytes.
class OwnedRecord {
 public:
  explicit OwnedRecord(const RecordView& view);
  std::uint64_t offset() const { return offset_; }
  std::int64_t timestamp_ms() const { return timestamp_ms_; }
  const std::optional<std::string>& key() const { return key_; }
  const std::string& value() const { return value_; }

 private:
  std::uint64_t offset_;
  std::int64_t timestamp_ms_;
  std::optional<std::string> key_;
  std::string value_;
};

/// Goes through a topic front to back. While the caller works on one chunk the next is being read. Not for several
/// threads at once.
class Reader {
 public:
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  /// The next records; empty at the end of the topic, for now: later calls find what was appended meanwhile.
  Result<Records> next();

 private:
  friend class Topic;
  explicit Reader(std::unique_ptr<embed::ReadAhead> ahead);
  std::unique_ptr<embed::ReadAhead> ahead_;
};

}  // namespace walrus::store
