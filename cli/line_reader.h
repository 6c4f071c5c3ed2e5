// Lines of a descriptor, as bytes: only '\n' ends one, everything else belongs to it, a last line without '\n' counts.
// Memory is bounded by the longest line allowed plus one read. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace walrus::cli {

class LineReader {
 public:
  LineReader(int descriptor, std::size_t max_line_bytes);

  /// The next line that is here already, without its newline; valid until the next call.
  std::optional<std::string_view> next();
  /// Number of the line that next() gave last, from 1; of the line at fault after too_long().
  std::uint64_t line_number() const { return line_number_; }

  /// One read from the descriptor; waits for it. 0, or an errno.
  int fill();
  /// More lines can come only after fill().
  bool wants_input() const { return !at_end_ && !too_long_; }
  /// The line after the last one given is longer than allowed. Nothing follows.
  bool too_long() const { return too_long_; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
  std::size_t max_line_bytes_;
  std::string buffer_;
  std::size_t taken_ = 0;    // bytes of buffer_ that were given
  std::size_t scanned_ = 0;  // no newline before here; ≥ taken_
  std::uint64_t line_number_ = 0;
  bool at_end_ = false;
  bool too_long_ = false;
};

}  // namespace walrus::cli
