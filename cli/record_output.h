// Records on their way to stdout, a newline behind each, gathered into large writes. Counts whole records only: those
// that left and those that did not. Main thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace walrus::cli {

class RecordOutput {
 public:
  /// Writes when enough has been gathered. After a failure everything is only counted.
  void add(std::string_view record);
  /// Writes what was gathered.
  void flush();

  /// 0, or the errno of the write that failed.
  int error() const { return error_; }
  std::uint64_t written() const { return written_; }
  std::uint64_t written_bytes() const { return written_bytes_; }
  /// Records that were added and can no longer be written whole.
  std::uint64_t lost() const { return error_ == 0 ? 0 : added_ - written_; }

 private:
  std::string buffer_;
  std::deque<std::size_t> sizes_;  // of the records in buffer_, with their newlines
  std::uint64_t added_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t written_bytes_ = 0;  // without the newlines
  int error_ = 0;
};

}  // namespace walrus::cli
