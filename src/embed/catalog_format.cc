#include "embed/catalog_format.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/bytes.h"

namespace walrus::embed::catalog {
namespace {

// Never reuse one, only add.
enum class Kind : std::uint8_t {
  kSnapshotBegins = 1,
  kTopicCreated = 2,
  kTopicRemoved = 3,
  kSegmentOpened = 4,
  kStartMoved = 5,
  kRetentionSet = 6,
  kCursorMoved = 7,
  kCursorRemoved = 8,
};

class Writer {
 public:
  explicit Writer(Kind kind) { bytes_.push_back(static_cast<char>(kind)); }
  Writer& number(std::uint64_t value) {
    append_little(bytes_, value);
    return *this;
  }
  Writer& text(std::string_view value) {
    WALRUS_ASSERT(value.size() <= UINT16_MAX);
    append_little(bytes_, static_cast<std::uint16_t>(value.size()));
    bytes_ += value;
    return *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

struct Encoder {
  std::string operator()(const SnapshotBegins& r) const {
    return Writer(Kind::kSnapshotBegins).number(r.format).number(r.next_topic.value()).take();
  }
  std::string operator()(const TopicCreated& r) const {
    return Writer(Kind::kTopicCreated).number(r.topic.value()).text(r.name).take();
  }
  std::string operator()(const TopicRemoved& r) const {
    return Writer(Kind::kTopicRemoved).number(r.topic.value()).take();
  }
  std::string operator()(const SegmentOpened& r) const {
    return Writer(Kind::kSegmentOpened)
        .number(r.topic.value())
        .number(r.segment.value())
        .number(r.base.value())
        .number(static_cast<std::uint64_t>(r.previous_newest_ms))
        .take();
  }
  std::string operator()(const StartMoved& r) const {
    return Writer(Kind::kStartMoved).number(r.topic.value()).number(r.start.value()).number(r.first.value()).take();
  }
  std::string operator()(const RetentionSet& r) const {
    return Writer(Kind::kRetentionSet)
        .number(r.topic.value())
        .number(r.retention.time_ms)
        .number(r.retention.bytes)
        .number(r.retention.records)
        .take();
  }
  std::string operator()(const CursorMoved& r) const {
    return Writer(Kind::kCursorMoved).number(r.topic.value()).number(r.position.value()).text(r.name).take();
  }
  std::string operator()(const CursorRemoved& r) const {
    return Writer(Kind::kCursorRemoved).number(r.topic.value()).text(r.name).take();
  }
};

/// Takes fields off the front; once one is missing the whole does not count.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number() {
    if (rest_.size() < sizeof(std::uint64_t)) return cut_off(), 0;
    const auto value = load_little<std::uint64_t>(rest_.data());
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    if (rest_.size() < sizeof(std::uint16_t)) return cut_off(), std::string();
    const std::size_t size = load_little<std::uint16_t>(rest_.data());
    rest_.remove_prefix(sizeof(std::uint16_t));
    if (rest_.size() < size) return cut_off(), std::string();
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  TopicId topic() { return TopicId(number()); }
  Offset offset() { return Offset(number()); }
  SegmentId segment() { return SegmentId(number()); }
  bool exact() const { return whole_ && rest_.empty(); }

 private:
  void cut_off() {
    whole_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool whole_ = true;
};

/// The initializers of a braced list are evaluated in order.
std::optional<Record> take(Kind kind, Fields& from) {
  switch (kind) {
    case Kind::kSnapshotBegins:
      return SnapshotBegins{from.number(), from.topic()};
    case Kind::kTopicCreated:
      return TopicCreated{from.topic(), from.text()};
    case Kind::kTopicRemoved:
      return TopicRemoved{from.topic()};
    case Kind::kSegmentOpened:
      return SegmentOpened{from.topic(), from.segment(), from.offset(), static_cast<std::int64_t>(from.number())};
    case Kind::kStartMoved:
      return StartMoved{from.topic(), from.offset(), from.segment()};
    case Kind::kRetentionSet:
      return RetentionSet{from.topic(), Retention{from.number(), from.number(), from.number()}};
    case Kind::kCursorMoved: {
      const TopicId topic = from.topic();
      const Offset position = from.offset();
      return CursorMoved{topic, from.text(), position};
    }
    case Kind::kCursorRemoved:
      return CursorRemoved{from.topic(), from.text()};
  }
  return std::nullopt;
}

}  // namespace

std::string encode(const Record& record) { return std::visit(Encoder{}, record); }

Result<Record> decode(std::string_view bytes) {
  if (bytes.empty()) return fail(ErrorCode::kCorrupt, "catalog: empty record");
  const auto kind = static_cast<std::uint8_t>(bytes.front());
  Fields fields(bytes.substr(1));
  auto record = take(static_cast<Kind>(kind), fields);
  if (!record) return fail(ErrorCode::kUnsupported, fmt::format("catalog: record of kind {}", kind));
  if (!fields.exact())
    return fail(ErrorCode::kCorrupt, fmt::format("catalog: record of kind {} does not add up", kind));
  if (const auto* begin = std::get_if<SnapshotBegins>(&*record); begin != nullptr && begin->format != kFormat) {
    return fail(ErrorCode::kUnsupported, fmt::format("catalog: format {}", begin->format));
  }
  return *std::move(record);
}

}  // namespace walrus::embed::catalog
