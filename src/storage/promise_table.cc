#include "storage/promise_table.h"

#include "base/bytes.h"
#include "base/crc32c.h"

namespace walrus::storage {
namespace {

constexpr std::uint32_t kPromisesMagic = 0x4d525057;  // "WPRM"
constexpr std::uint32_t kFormat = 1;
constexpr std::uint64_t kFlagLost = 1;
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kEntryBytes = 24;
constexpr std::size_t kCrcBytes = 4;

}  // namespace

PromiseTable::Promise PromiseTable::look_up(SegmentKey key) const {
  if (const auto known = entries_.find(key); known != entries_.end()) return {.epoch = known->second};
  return {.epoch = Epoch(), .lost = lost_through_ && key.topic <= *lost_through_};
}

void PromiseTable::promise(SegmentKey key, Epoch epoch) {
  Epoch& highest = entries_[key];
  highest = std::max(highest, epoch);
}

void PromiseTable::merge(const PromiseTable& newer) {
  for (const auto& [key, epoch] : newer.entries_) entries_[key] = epoch;
  if (newer.lost_through_) lose(*newer.lost_through_);
}

void PromiseTable::compact() {
  std::erase_if(entries_, [this](const auto& entry) {
    const bool could_be_lost = lost_through_ && entry.first.topic <= *lost_through_;
    return entry.second == Epoch() && !could_be_lost;
  });
}

std::string PromiseTable::encode() const {
  std::string bytes;
  bytes.reserve(kHeaderBytes + entries_.size() * kEntryBytes + kCrcBytes);
  append_little<std::uint32_t>(bytes, kPromisesMagic);
  append_little<std::uint32_t>(bytes, kFormat);
  append_little<std::uint64_t>(bytes, has_lost() ? kFlagLost : 0);
  append_little<std::uint64_t>(bytes, lost_through_.value_or(TopicId()).value());
  append_little<std::uint64_t>(bytes, entries_.size());
  for (const auto& [key, epoch] : entries_) {
    append_little<std::uint64_t>(bytes, key.topic.value());
    append_little<std::uint64_t>(bytes, key.segment.value());
    append_little<std::uint64_t>(bytes, epoch.value());
  }
  append_little<std::uint32_t>(bytes, crc32c(bytes));
  return bytes;
}

Result<PromiseTable> PromiseTable::decode(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + kCrcBytes) return fail(ErrorCode::kCorrupt, "promises: cut off");
  const char* at = bytes.data();
  if (load_little<std::uint32_t>(at) != kPromisesMagic) return fail(ErrorCode::kCorrupt, "promises: magic");
  const std::string_view covered = bytes.substr(0, bytes.size() - kCrcBytes);
  if (load_little<std::uint32_t>(at + covered.size()) != crc32c(covered)) {
    return fail(ErrorCode::kCorrupt, "promises: CRC mismatch");
  }
  if (load_little<std::uint32_t>(at + 4) != kFormat) {
    return fail(ErrorCode::kUnsupported, "promises: written by another version");
  }
  const auto count = load_little<std::uint64_t>(at + 24);
  const std::uint64_t there = covered.size() - kHeaderBytes;
  if (there % kEntryBytes != 0 || count != there / kEntryBytes) return fail(ErrorCode::kCorrupt, "promises: size");
  PromiseTable table;
  if ((load_little<std::uint64_t>(at + 8) & kFlagLost) != 0) {
    table.lost_through_ = TopicId(load_little<std::uint64_t>(at + 16));
  }
  at += kHeaderBytes;
  for (std::uint64_t i = 0; i < count; ++i, at += kEntryBytes) {
    const SegmentKey key{TopicId(load_little<std::uint64_t>(at)), SegmentId(load_little<std::uint64_t>(at + 8))};
    table.entries_.emplace_hint(table.entries_.end(), key, Epoch(load_little<std::uint64_t>(at + 16)));
  }
  return table;
}

}  // namespace walrus::storage
