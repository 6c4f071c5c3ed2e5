// A byte stream, cut in two ways, must give the same events, hold at most one frame, and never hand out a text outside
// the bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "protocol/frame.h"

namespace {

using walrus::protocol::FrameDecoder;
constexpr std::size_t kMaxFrameBytes = 512;

std::vector<std::string> events(std::string_view stream, std::size_t read_bytes) {
  FrameDecoder decoder(kMaxFrameBytes);
  std::vector<std::string> seen;
  std::string held;
  while (!stream.empty()) {
    held.append(stream.substr(0, read_bytes));
    stream.remove_prefix(std::min(read_bytes, stream.size()));
    std::string_view rest = held;
    for (;;) {
      const auto step = decoder.next(rest);
      if (step.event == FrameDecoder::Event::kNeedMore) break;
      WALRUS_ASSERT(step.text.size() <= kMaxFrameBytes);
      WALRUS_ASSERT((step.event == FrameDecoder::Event::kFrame) == !step.text.empty());
      seen.push_back(std::to_string(static_cast<int>(step.event)) + std::string(step.text));
    }
    WALRUS_ASSERT(decoder.missing(rest) > 0);
    held.erase(0, held.size() - rest.size());
    WALRUS_ASSERT(held.size() < kMaxFrameBytes + walrus::protocol::kFrameHeaderBytes);
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t read_bytes = 1 + data[0];
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  WALRUS_ASSERT(events(stream, read_bytes) == events(stream, stream.size() + 1));
  return 0;
}
