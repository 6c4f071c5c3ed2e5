// Ids that cannot be swapped by mistake. A strong id is a number with a name; nothing converts between two of them.
#pragma once

#include <fmt/format.h>

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace walrus {

template <class Tag>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  std::uint64_t value_ = 0;
};

using NodeId = StrongId<struct NodeIdTag>;        ///< `--node-id`, chosen by the operator, ≥ 1
using RaftId = StrongId<struct RaftIdTag>;        ///< derived from the disk id, never reused
using TopicId = StrongId<struct TopicIdTag>;      ///< Raft index of the command that created the topic
using SegmentId = StrongId<struct SegmentIdTag>;  ///< 0, 1, 2 … within a topic
using Epoch = StrongId<struct EpochTag>;          ///< Raft index of the command that opened the segment

/// Position of a record in its topic, dense from 0. As an "end" it is the offset after the last record.
class Offset {
 public:
  constexpr Offset() = default;
  constexpr explicit Offset(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  friend constexpr auto operator<=>(Offset, Offset) = default;
  friend constexpr Offset operator+(Offset offset, std::uint64_t records) { return Offset(offset.value_ + records); }
  /// Number of records between two offsets; `a >= b` is the caller's duty.
  friend constexpr std::uint64_t operator-(Offset a, Offset b) { return a.value_ - b.value_; }
  Offset& operator+=(std::uint64_t records) {
    value_ += records;
    return *this;
  }

 private:
  std::uint64_t value_ = 0;
};

/// 128 random bits, written as 32 hex digits. Used for cluster and disk identity and for a process's boot id.
class Uuid {
 public:
  constexpr Uuid() = default;
  constexpr Uuid(std::uint64_t high, std::uint64_t low) : high_(high), low_(low) {}
  static Result<Uuid> parse(std::string_view hex);
  std::string hex() const;
  constexpr std::uint64_t high() const { return high_; }
  constexpr std::uint64_t low() const { return low_; }
  constexpr bool is_nil() const { return high_ == 0 && low_ == 0; }
  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;

 private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

}  // namespace walrus

template <class Tag>
struct std::hash<walrus::StrongId<Tag>> {
  std::size_t operator()(walrus::StrongId<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.value()); }
};

template <class Tag>
struct fmt::formatter<walrus::StrongId<Tag>> : fmt::formatter<std::uint64_t> {
  auto format(walrus::StrongId<Tag> id, fmt::format_context& context) const {
    return fmt::formatter<std::uint64_t>::format(id.value(), context);
  }
};

template <>
struct fmt::formatter<walrus::Offset> : fmt::formatter<std::uint64_t> {
  auto format(walrus::Offset offset, fmt::format_context& context) const {
    return fmt::formatter<std::uint64_t>::format(offset.value(), context);
  }
};

template <>
struct fmt::formatter<walrus::Uuid> : fmt::formatter<std::string> {
  auto format(const walrus::Uuid& id, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(id.hex(), context);
  }
};
