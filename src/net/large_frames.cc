#include "net/large_frames.h"

#include <utility>

#include "base/assert.h"

namespace walrus::net {

bool LargeFrames::take(std::size_t bytes, std::function<bool()> granted) {
  if (waiting_.empty() && fits(bytes)) {
    taken_ += bytes;
    return true;
  }
  waiting_.push_back({bytes, std::move(granted)});
  return false;
}

void LargeFrames::give_back(std::size_t bytes) {
  WALRUS_ASSERT(bytes <= taken_, "more is given back than was taken");
  taken_ -= bytes;
  while (!waiting_.empty() && fits(waiting_.front().bytes)) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    taken_ += next.bytes;
    if (!next.granted()) taken_ -= next.bytes;
  }
}

}  // namespace walrus::net
