// Memory for direct files, for tests.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/limits.h"

namespace walrus::io {

class AlignedMemory {
 public:
  AlignedMemory(std::size_t size, char fill)
      : data_(static_cast<char*>(std::aligned_alloc(limits::kDirectAlignment, size))), size_(size) {
    std::memset(data_.get(), fill, size);
  }
  char* data() { return data_.get(); }
  std::string_view view() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> data_;
  std::size_t size_;
};

}  // namespace walrus::io
