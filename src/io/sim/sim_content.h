// The bytes of one simulated file: sparse, and cheap to copy (copies share pages until one of them writes), so that a
// disk full of pre-written 64 MiB files costs next to nothing and thousands of crash images of it are affordable.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace walrus::io {

class SimContent {
 public:
  std::uint64_t size() const { return size_; }

  /// Bytes read; fewer than `count` only at the end.
  std::size_t read(std::uint64_t position, char* into, std::size_t count) const;
  /// Grows as needed; a gap reads as zeros.
  void write(std::uint64_t position, std::string_view bytes);
  void zero(std::uint64_t position, std::uint64_t count);
  void truncate(std::uint64_t size);

 private:
  static constexpr std::size_t kPageBytes = 16 * 1024;
  using Page = std::string;

  /// A page that this content alone owns.
  Page& writable(std::uint64_t number);

  std::map<std::uint64_t, std::shared_ptr<Page>> pages_;  ///< a page that is missing is all zeros
  std::uint64_t size_ = 0;                                ///< beyond it every page is zero
};

}  // namespace walrus::io
