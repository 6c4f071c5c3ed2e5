// The answers of TOPICS and DESCRIBE.
#include <nlohmann/json.hpp>

#include <map>

#include "broker/topic_admin.h"

namespace walrus::broker {

namespace {

using Json = nlohmann::ordered_json;

const char* state_name(metadata::SegmentState state) {
  switch (state) {
    case metadata::SegmentState::kOpen:
      return "open";
    case metadata::SegmentState::kSealing:
      return "sealing";
    case metadata::SegmentState::kSealed:
      return "sealed";
  }
  return "";
}

Json number_or_null(std::uint64_t number) { return number == 0 ? Json(nullptr) : Json(number); }

Json options_json(const metadata::TopicInfo& topic) {
  const metadata::TopicOptions& options = topic.options;
  return {{"replicas", topic.replicas_wanted},
          {"segment_entries", number_or_null(topic.segment_entries)},
          {"fsync", options.fsync ? Json(to_string(*options.fsync)) : Json(nullptr)},
          {"retention_ms", number_or_null(options.retention_ms)},
          {"retention_bytes", number_or_null(options.retention_bytes)},
          {"retention_records", number_or_null(options.retention_records)},
          {"max_bytes_per_second", number_or_null(options.max_bytes_per_second)}};
}

Json segment_json(const metadata::SegmentInfo& segment) {
  auto replicas = Json::array();
  for (const NodeId node : segment.replicas) replicas.push_back(node.value());
  Json json{{"segment_id", segment.id.value()},      {"state", state_name(segment.state)},
            {"base_offset", segment.base.value()},   {"end_offset", nullptr},
            {"leader_node", segment.leader.value()}, {"replicas", std::move(replicas)},
            {"epoch", segment.epoch.value()}};
  if (segment.sealed()) {
    json["end_offset"] = segment.end.value();
    json["bytes"] = segment.bytes;
    json["latest_ms"] = segment.latest_ms == 0 ? Json(nullptr) : Json(segment.latest_ms);
  }
  if (segment.lost()) json["lost"] = true;
  return json;
}

std::uint64_t sealed_bytes(const metadata::TopicInfo& topic) {
  std::uint64_t bytes = 0;
  for (const metadata::SegmentInfo& segment : topic.segments) bytes += segment.bytes;
  return bytes;
}

}  // namespace

std::string topics_json(const metadata::View& view, std::string_view after, std::uint32_t max) {
  std::map<std::string_view, const metadata::TopicInfo*> page;  // the first `max`, and one more if there are more
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    const auto& topics = view.bucket(i).topics;
    for (auto it = topics.upper_bound(after); it != topics.end(); ++it) {
      if (page.size() > max && it->first > page.rbegin()->first) break;
      page.emplace(it->first, it->second.get());
      if (page.size() > max + 1) page.erase(std::prev(page.end()));
    }
  }
  const bool more = page.size() > max;
  if (more) page.erase(std::prev(page.end()));
  auto list = Json::array();
  for (const auto& [name, topic] : page) {
    list.push_back({{"topic", name},
                    {"segments", topic->segments.size()},
                    {"replicas", topic->replicas_wanted},
                    {"leader_node", topic->last().leader.value()},
                    {"start_offset", topic->start().value()},
                    {"sealed_end_offset", topic->last().base.value()},
                    {"sealed_bytes", sealed_bytes(*topic)}});
  }
  return Json{{"topics", std::move(list)}, {"more", more}, {"total", view.topic_count()}}.dump();
}

std::string topic_json(const metadata::View& view, const metadata::TopicInfo& topic) {
  auto segments = Json::array();
  for (const metadata::SegmentInfo& segment : topic.segments) segments.push_back(segment_json(segment));
  return Json{{"topic", topic.name},
              {"topic_id", topic.id.value()},
              {"options", options_json(topic)},
              {"start_offset", topic.start().value()},
              {"committed_cursor", view.shared_cursor(topic).value()},
              {"segments", std::move(segments)}}
      .dump();
}

}  // namespace walrus::broker
