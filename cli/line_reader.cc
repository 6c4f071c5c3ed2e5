#include "cli/line_reader.h"

#include <cerrno>
#include <unistd.h>

namespace walrus::cli {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

LineReader::LineReader(int descriptor, std::size_t max_line_bytes)
    : descriptor_(descriptor), max_line_bytes_(max_line_bytes) {}

std::optional<std::string_view> LineReader::next() {
  if (too_long_) return std::nullopt;
  const auto newline = buffer_.find('\n', scanned_);
  const bool whole = newline != std::string::npos;
  const std::size_t end = whole ? newline : buffer_.size();
  const bool last = !whole && at_end_ && end > taken_;
  if (end - taken_ > max_line_bytes_) {
    too_long_ = true;
    ++line_number_;
    return std::nullopt;
  }
  scanned_ = end;
  if (!whole && !last) return std::nullopt;
  const std::string_view line = std::string_view(buffer_).substr(taken_, end - taken_);
  taken_ = scanned_ = whole ? end + 1 : end;
  ++line_number_;
  return line;
}

int LineReader::fill() {
  buffer_.erase(0, taken_);
  scanned_ -= taken_;
  taken_ = 0;
  const std::size_t before = buffer_.size();
  ssize_t got = 0;
  buffer_.resize_and_overwrite(before + kReadBytes, [&](char* data, std::size_t) {
    got = ::read(descriptor_, data + before, kReadBytes);
    return before + static_cast<std::size_t>(got > 0 ? got : 0);
  });
  if (got == 0) at_end_ = true;
  return got < 0 && errno != EINTR && errno != EAGAIN ? errno : 0;
}

}  // namespace walrus::cli
