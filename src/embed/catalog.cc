#include "embed/catalog.h"

#include <fmt/core.h>

#include <algorithm>
#include <variant>

namespace walrus::embed {
namespace {

std::unexpected<Error> misfit(TopicId topic, const char* what) {
  return fail(ErrorCode::kCorrupt, fmt::format("catalog: topic {}: {}", topic, what));
}

}  // namespace

Status Catalog::apply(const catalog::Record& record) {
  if (!began_ && !std::holds_alternative<catalog::SnapshotBegins>(record)) {
    return fail(ErrorCode::kCorrupt, "catalog: does not begin with a snapshot");
  }
  return std::visit([this](const auto& known) { return take(known); }, record);
}

Status Catalog::take(const catalog::SnapshotBegins& record) {
  if (began_) return fail(ErrorCode::kCorrupt, "catalog: a snapshot inside a segment");
  began_ = true;
  next_topic_ = record.next_topic;
  return {};
}

Status Catalog::take(const catalog::TopicCreated& record) {
  const bool known = topics_.contains(record.topic);
  if (known || record.topic == TopicId())
    return misfit(record.topic, "created twice, or with the number of the catalog");
  topics_[record.topic].name = record.name;
  next_topic_ = std::max(next_topic_, TopicId(record.topic.value() + 1));
  return {};
}

Status Catalog::take(const catalog::TopicRemoved& record) {
  topics_.erase(record.topic);
  return {};
}

Status Catalog::take(const catalog::SegmentOpened& record) {
  const auto topic = topics_.find(record.topic);
  if (topic == topics_.end()) return {};
  auto& segments = topic->second.segments;
  if (!segments.empty()) {
    if (record.segment <= segments.back().id || record.base < segments.back().base) {
      return misfit(record.topic, "segments out of order");
    }
    segments.back().newest_ms = record.previous_newest_ms;
  }
  segments.push_back({record.segment, record.base, 0});
  return {};
}

Status Catalog::take(const catalog::StartMoved& record) {
  const auto topic = topics_.find(record.topic);
  if (topic == topics_.end()) return {};
  auto& segments = topic->second.segments;
  const auto first = std::ranges::find(segments, record.first, &Segment::id);
  if (first == segments.end() || record.start < topic->second.start) return misfit(record.topic, "start out of range");
  segments.erase(segments.begin(), first);
  topic->second.start = record.start;
  return {};
}

Status Catalog::take(const catalog::RetentionSet& record) {
  const auto topic = topics_.find(record.topic);
  if (topic == topics_.end()) return {};
  topic->second.retention = record.retention;
  return {};
}

Status Catalog::take(const catalog::CursorMoved& record) {
  const auto topic = topics_.find(record.topic);
  if (topic == topics_.end()) return {};
  topic->second.cursors[record.name] = record.position;
  return {};
}

Status Catalog::take(const catalog::CursorRemoved& record) {
  const auto topic = topics_.find(record.topic);
  if (topic == topics_.end()) return {};
  topic->second.cursors.erase(record.name);
  return {};
}

std::vector<catalog::Record> Catalog::snapshot() const {
  std::vector<catalog::Record> records;
  records.emplace_back(catalog::SnapshotBegins{catalog::kFormat, next_topic_});
  for (const auto& [id, topic] : topics_) {
    records.emplace_back(catalog::TopicCreated{id, topic.name});
    std::int64_t previous_newest_ms = 0;
    for (const Segment& segment : topic.segments) {
      records.emplace_back(catalog::SegmentOpened{id, segment.id, segment.base, previous_newest_ms});
      previous_newest_ms = segment.newest_ms;
    }
    if (topic.start > Offset()) {
      records.emplace_back(catalog::StartMoved{id, topic.start, topic.segments.front().id});
    }
    if (topic.retention != catalog::Retention{}) records.emplace_back(catalog::RetentionSet{id, topic.retention});
    for (const auto& [name, position] : topic.cursors) {
      records.emplace_back(catalog::CursorMoved{id, name, position});
    }
  }
  return records;
}

}  // namespace walrus::embed
