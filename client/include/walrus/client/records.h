// Records as they come back from FETCH, READ and LEASE. Standard library alone; a Records is read by any number of
// threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace walrus::client {

/// Views into the Records that it belongs to.
struct Record {
  std::uint64_t offset = 0;
  std::int64_t timestamp_ms = 0;  ///< when the node took it, since 1970
  std::optional<std::string_view> key;
  std::string_view value;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::uint32_t tries = 0;  ///< of a lease: how often the record has been given, this time included
};

/// One answer: records in the order of their offsets, without a hole.
class Records {
 public:
  Records() = default;
  Records(std::unique_ptr<std::string> bytes, std::vector<Record> records, std::uint64_t next, std::uint64_t end)
      : bytes_(std::move(bytes)), records_(std::move(records)), next_(next), end_(end) {}

  auto begin() const { return records_.begin(); }
  auto end() const { return records_.end(); }
  bool empty() const { return records_.empty(); }
  std::size_t size() const { return records_.size(); }
  const Record& operator[](std::size_t index) const { return records_[index]; }

  /// The offset to go on from.
  std::uint64_t next_offset() const { return next_; }
  /// The end of the topic, or of the segment that was read, at that moment.
  std::uint64_t end_offset() const { return end_; }

 private:
  std::unique_ptr<std::string> bytes_;  // what the views point into; stays where it is when this object moves
  std::vector<Record> records_;
  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace walrus::client
