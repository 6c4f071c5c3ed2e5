// Frames of the client protocol: [u32 little-endian length][text], documented in docs/protocol/text.md.
//
// Happy path: the owner of a connection appends what it reads to a buffer and takes one event after the other off the
// buffer's front; a frame's text is a view into that buffer. The decoder keeps no bytes itself, only how much of an
// oversize body is still to be skipped.
//
// Failure: a length of 0 or above the limit is an event, not an end: the body is skipped as it comes, never buffered,
// and the next frame is read as usual. A length that nobody would skip (kMaxSkippedFrameBytes; an HTTP request reads
// as one) ends the stream: nothing behind it can be trusted.
//
// Pure; one decoder belongs to one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"

namespace walrus::protocol {

inline constexpr std::size_t kFrameHeaderBytes = 4;

class FrameDecoder {
 public:
  enum class Event : std::uint8_t {
    kNeedMore,       ///< nothing whole in the input; what is left of it must be presented again
    kFrame,          ///< `text` is a frame's text
    kInvalidLength,  ///< answer "ERR invalid frame length" and go on
    kMustClose,      ///< the same, then close; all further input is ignored
  };
  struct Step {
    Event event = Event::kNeedMore;
    std::string_view text;
  };

  /// Frames of up to `max_frame_bytes` of text are taken.
  explicit FrameDecoder(std::size_t max_frame_bytes = limits::kMaxFrameBytes);

  /// From the next frame on.
  void set_max_frame_bytes(std::size_t max_frame_bytes) { max_frame_bytes_ = max_frame_bytes; }
  std::size_t max_frame_bytes() const { return max_frame_bytes_; }

  /// Takes the next event off the front of `input`.
  Step next(std::string_view& input);

  /// With `rest`, what next() left with kNeedMore: how many bytes more make the next event possible; at least 1.
  std::size_t missing(std::string_view rest) const;

  /// True while an oversize body is being skipped.
  bool skipping() const { return skip_ > 0; }

 private:
  std::size_t max_frame_bytes_;
  std::size_t skip_ = 0;  // bytes of an oversize body that have not come yet
  bool closed_ = false;
};

/// Appends a frame whose text is `head` followed by `tail`, and by `more` bytes that the caller appends.
void append_frame(std::string& to, std::string_view head, std::string_view tail = {}, std::size_t more = 0);

}  // namespace walrus::protocol
