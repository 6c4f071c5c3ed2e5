#include "storage/segment_index.h"

#include <algorithm>

#include "base/assert.h"
#include "base/crc32c.h"
#include "storage/content_hash.h"

namespace walrus::storage {
namespace {

// An item is four numbers, what they are, and a CRC that also covers whose index it is.
constexpr std::uint32_t kHeaderKind = 0x32584957;  // "WIX2": topic, segment, base offset, 0
constexpr std::uint32_t kEntryKind = 0x59525445;   // "ETRY": offset, position, latest timestamp before, hash before
constexpr std::uint32_t kFooterKind = 0x544f4f46;  // "FOOT": end offset, bytes, latest timestamp, hash
constexpr std::size_t kItemKindAt = 32;
constexpr std::size_t kItemCrcAt = 36;

std::uint32_t item_crc(SegmentKey key, Offset base, std::string_view item) {
  char salt[24];
  store_little<std::uint64_t>(salt, key.topic.value());
  store_little<std::uint64_t>(salt + 8, key.segment.value());
  store_little<std::uint64_t>(salt + 16, base.value());
  return crc32c(item.substr(0, kItemCrcAt), crc32c(std::string_view(salt, sizeof salt)));
}

}  // namespace

SegmentIndex::SegmentIndex(SegmentKey key, Offset base, std::size_t interval_bytes)
    : key_(key), base_(base), interval_bytes_(interval_bytes) {}

void SegmentIndex::note(const BatchHeader& batch, std::uint64_t position) {
  const std::uint64_t last = entries_.empty() ? 0 : entries_.back().position;
  if (position >= last + interval_bytes_) entries_.push_back({batch.base_offset, position, max_timestamp_ms_, hash_});
  max_timestamp_ms_ = std::max(max_timestamp_ms_, batch.max_timestamp_ms);
  hash_ = extend_hash(hash_, batch);
}

IndexEntry SegmentIndex::find(Offset offset) const {
  const auto after = std::ranges::upper_bound(entries_, offset, {}, &IndexEntry::offset);
  return after == entries_.begin() ? IndexEntry{.offset = base_} : *std::prev(after);
}

IndexEntry SegmentIndex::find_time(std::int64_t timestamp_ms) const {
  const auto after = std::ranges::lower_bound(entries_, timestamp_ms, {}, &IndexEntry::max_timestamp_ms);
  return after == entries_.begin() ? IndexEntry{.offset = base_} : *std::prev(after);
}

IndexEntry SegmentIndex::last_before(std::uint64_t position) const {
  const auto after = std::ranges::upper_bound(entries_, position, {}, &IndexEntry::position);
  return after == entries_.begin() ? IndexEntry{.offset = base_} : *std::prev(after);
}

std::uint64_t SegmentIndex::position_behind(Offset offset) const {
  const auto after = std::ranges::upper_bound(entries_, offset, {}, &IndexEntry::offset);
  return after == entries_.end() ? UINT64_MAX : after->position;
}

void SegmentIndex::cut(std::uint64_t position) {
  std::erase_if(entries_, [&](const IndexEntry& entry) { return entry.position >= position; });
  go_back_to_last_entry();
}

void SegmentIndex::go_back_to_last_entry() {
  const IndexEntry last = entries_.empty() ? IndexEntry{} : entries_.back();
  max_timestamp_ms_ = last.max_timestamp_ms;
  hash_ = last.hash;
}

std::string SegmentIndex::item(Numbers numbers, std::uint32_t kind) const {
  std::string bytes;
  append_little(bytes, numbers.a);
  append_little(bytes, numbers.b);
  append_little(bytes, numbers.c);
  append_little(bytes, numbers.d);
  append_little(bytes, kind);
  append_little(bytes, item_crc(key_, base_, bytes));
  WALRUS_ASSERT(bytes.size() == kItemBytes);
  return bytes;
}

std::string SegmentIndex::encode_header() const {
  return item({key_.topic.value(), key_.segment.value(), base_.value(), 0}, kHeaderKind);
}

std::string SegmentIndex::encode_entries(std::size_t from, std::size_t to) const {
  std::string bytes;
  for (; from < to; ++from) {
    const IndexEntry& entry = entries_[from];
    bytes +=
        item({entry.offset.value(), entry.position, static_cast<std::uint64_t>(entry.max_timestamp_ms), entry.hash},
             kEntryKind);
  }
  return bytes;
}

std::string SegmentIndex::encode_footer(const IndexFooter& footer) const {
  return item({footer.end.value(), footer.bytes, static_cast<std::uint64_t>(footer.max_timestamp_ms), footer.hash},
              kFooterKind);
}

std::optional<IndexFooter> SegmentIndex::decode(std::string_view bytes) {
  entries_.clear();
  go_back_to_last_entry();
  if (!bytes.starts_with(encode_header())) return std::nullopt;
  for (bytes.remove_prefix(kItemBytes); bytes.size() >= kItemBytes; bytes.remove_prefix(kItemBytes)) {
    const std::string_view item = bytes.substr(0, kItemBytes);
    const auto kind = load_little<std::uint32_t>(item.data() + kItemKindAt);
    if (load_little<std::uint32_t>(item.data() + kItemCrcAt) != item_crc(key_, base_, item)) continue;
    const auto a = load_little<std::uint64_t>(item.data());
    const auto b = load_little<std::uint64_t>(item.data() + 8);
    const auto c = static_cast<std::int64_t>(load_little<std::uint64_t>(item.data() + 16));
    const auto d = load_little<std::uint64_t>(item.data() + 24);
    if (kind == kFooterKind) {
      max_timestamp_ms_ = c;
      hash_ = d;
      return IndexFooter{Offset(a), b, c, d};
    }
    const IndexEntry entry{Offset(a), b, c, d};
    const bool in_order =
        entries_.empty() || (entries_.back().offset < entry.offset && entries_.back().position < entry.position);
    if (kind == kEntryKind && in_order && entry.offset > base_) entries_.push_back(entry);
  }
  go_back_to_last_entry();
  return std::nullopt;
}

}  // namespace walrus::storage
