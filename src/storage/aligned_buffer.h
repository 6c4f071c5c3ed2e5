// Memory for direct I/O: starts at a multiple of limits::kDirectAlignment and is reused. Move only; one thread.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "base/assert.h"
#include "base/limits.h"

namespace walrus::storage {

class AlignedBuffer {
 public:
  /// At least `bytes` of room; what was in it is lost when it has to grow.
  void reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    constexpr std::size_t kAlignment = limits::kDirectAlignment;
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    memory_.reset(static_cast<char*>(std::aligned_alloc(kAlignment, bytes)));
    WALRUS_ASSERT(memory_ != nullptr);
    capacity_ = bytes;
  }
  char* data() { return memory_.get(); }
  std::size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory_;
  std::size_t capacity_ = 0;
};

}  // namespace walrus::storage
