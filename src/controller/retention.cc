#include "controller/retention.h"

#include <optional>

namespace walrus::controller {
namespace {

/// What lies behind a segment, in sealed ones that somebody has.
struct Behind {
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
};

bool is_due(const metadata::TopicOptions& options, const metadata::SegmentInfo& segment, const Behind& behind,
            std::int64_t now_ms) {
  if (options.retention_ms != 0 && segment.latest_ms != 0 && now_ms > segment.latest_ms &&
      static_cast<std::uint64_t>(now_ms - segment.latest_ms) > options.retention_ms) {
    return true;
  }
  if (options.retention_bytes != 0 && behind.bytes >= options.retention_bytes) return true;
  return options.retention_records != 0 && behind.records >= options.retention_records;
}

std::optional<Offset> trim_before(const metadata::TopicInfo& topic, std::int64_t now_ms) {
  if (topic.options.retains_all()) return std::nullopt;
  Behind behind;
  for (const metadata::SegmentInfo& segment : topic.segments) {
    if (!segment.sealed() || segment.lost()) continue;
    behind.bytes += segment.bytes;
    behind.records += segment.end - segment.base;
  }
  std::optional<Offset> before;
  for (const metadata::SegmentInfo& segment : topic.segments) {
    if (!segment.sealed()) break;
    if (segment.lost()) continue;  // nothing to delete, and no reason to delete what is sound
    behind.bytes -= segment.bytes;
    behind.records -= segment.end - segment.base;
    const bool empty = segment.end == segment.base;
    if (!empty && !is_due(topic.options, segment, behind, now_ms)) break;
    if (!empty) before = segment.end;
  }
  return before;
}

}  // namespace

std::vector<metadata::Command> plan_trims(const metadata::View& view, std::int64_t now_ms, std::size_t most) {
  std::vector<metadata::Command> commands;
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view.bucket(i).topics) {
      const auto before = trim_before(*topic, now_ms);
      if (!before) continue;
      if (commands.size() == most) return commands;
      metadata::TrimTopic& trim = *commands.emplace_back().mutable_trim_topic();
      trim.set_topic_id(topic->id.value());
      trim.set_before(before->value());
    }
  }
  return commands;
}

}  // namespace walrus::controller
