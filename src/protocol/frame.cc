#include "protocol/frame.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/bytes.h"

namespace walrus::protocol {

FrameDecoder::FrameDecoder(std::size_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

FrameDecoder::Step FrameDecoder::next(std::string_view& input) {
  if (closed_) {
    input = {};
    return {};
  }
  if (skip_ > 0) {
    const std::size_t skipped = std::min(skip_, input.size());
    input.remove_prefix(skipped);
    skip_ -= skipped;
  }
  if (input.size() < kFrameHeaderBytes) return {};
  const std::size_t length = load_little<std::uint32_t>(input.data());
  if (length == 0 || length > max_frame_bytes_) {
    input.remove_prefix(kFrameHeaderBytes);
    if (length > std::max(limits::kMaxSkippedFrameBytes, max_frame_bytes_)) {
      closed_ = true;
      input = {};
      return {Event::kMustClose, {}};
    }
    skip_ = length;
    return {Event::kInvalidLength, {}};
  }
  if (input.size() - kFrameHeaderBytes < length) return {};
  const std::string_view text = input.substr(kFrameHeaderBytes, length);
  input.remove_prefix(kFrameHeaderBytes + length);
  return {Event::kFrame, text};
}

std::size_t FrameDecoder::missing(std::string_view rest) const {
  if (skip_ > 0) return skip_;
  if (rest.size() < kFrameHeaderBytes) return kFrameHeaderBytes - rest.size();
  const std::size_t whole = kFrameHeaderBytes + load_little<std::uint32_t>(rest.data());
  WALRUS_ASSERT(rest.size() < whole, "a whole frame is waiting to be taken");
  return whole - rest.size();
}

void append_frame(std::string& to, std::string_view head, std::string_view tail, std::size_t more) {
  const std::size_t length = head.size() + tail.size() + more;
  WALRUS_ASSERT(length <= std::numeric_limits<std::uint32_t>::max());
  append_little(to, static_cast<std::uint32_t>(length));
  to.append(head).append(tail);
}

}  // namespace walrus::protocol
