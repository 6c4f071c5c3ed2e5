// Bytes in memory: views, shared immutable buffers, and the integer encodings of our formats. Views are
// `std::string_view` throughout: a byte is a char, and text needs no conversion.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace walrus {

/// An immutable, reference-counted run of bytes. Copying shares; slicing keeps the whole alive. Any thread.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// Takes `bytes` over without copying its characters (unless the string is short).
  explicit SharedBytes(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    view_ = *owner;
    owner_ = std::move(owner);
  }
  /// Its own copy, in one piece of memory.
  static SharedBytes copy_of(std::string_view bytes) {
    const auto copy = std::make_shared_for_overwrite<char[]>(bytes.size());
    std::ranges::copy(bytes, copy.get());
    return SharedBytes(copy, {copy.get(), bytes.size()});
  }
  /// `view` lies in memory that `owner` keeps alive.
  SharedBytes(std::shared_ptr<const void> owner, std::string_view view) : owner_(std::move(owner)), view_(view) {}

  std::string_view view() const { return view_; }
  const char* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  SharedBytes slice(std::size_t position, std::size_t count = std::string_view::npos) const {
    return SharedBytes(owner_, view_.substr(position, count));
  }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view view_;
};

template <std::unsigned_integral T>
T to_little(T value) {
  if constexpr (std::endian::native == std::endian::little) return value;
  return std::byteswap(value);
}
template <std::unsigned_integral T>
T to_big(T value) {
  if constexpr (std::endian::native == std::endian::big) return value;
  return std::byteswap(value);
}

/// Unaligned loads and stores; the caller has checked that sizeof(T) bytes are there.
template <std::unsigned_integral T>
T load_little(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return to_little(value);
}
template <std::unsigned_integral T>
T load_big(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return to_big(value);
}
template <std::unsigned_integral T>
void store_little(char* to, T value) {
  value = to_little(value);
  std::memcpy(to, &value, sizeof value);
}
template <std::unsigned_integral T>
void store_big(char* to, T value) {
  value = to_big(value);
  std::memcpy(to, &value, sizeof value);
}
template <std::unsigned_integral T>
void append_little(std::string& to, T value) {
  char raw[sizeof value];
  store_little(raw, value);
  to.append(raw, sizeof raw);
}

/// Protobuf/Kafka zig-zag variable-length integers; at most 10 bytes.
inline constexpr std::size_t kMaxVarintBytes = 10;
inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}
inline std::size_t varint_size(std::int64_t value) {
  return (static_cast<std::size_t>(std::bit_width(zigzag(value) | 1)) + 6) / 7;
}
/// Writes at `to` (room for kMaxVarintBytes) and returns the byte after the last one written.
inline char* store_varint(char* to, std::int64_t value) {
  std::uint64_t rest = zigzag(value);
  while (rest >= 0x80) {
    *to++ = static_cast<char>(rest | 0x80);
    rest >>= 7;
  }
  *to++ = static_cast<char>(rest);
  return to;
}
/// Takes a varint off the front of `from`; false (and `from` unspecified) when it is cut off, or too long or too large
/// for 64 bits.
inline bool take_varint(std::string_view& from, std::int64_t& value) {
  std::uint64_t raw = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    if (shift == 63 && byte > 1) return false;  // bits beyond the 64th
    raw |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      value = unzigzag(raw);
      return true;
    }
  }
  return false;
}

}  // namespace walrus
