// What STATE says of a topic: its segments, and which nodes are to have them. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace walrus::chaos {

struct SegmentLayout {
  std::uint64_t id = 0;
  std::uint64_t base = 0;
  std::uint64_t entries = 0;
  std::uint64_t epoch = 0;
  bool sealed = false;
  std::uint64_t leader = 0;
  std::vector<std::uint64_t> replicas;  ///< sealed: its holders

  std::uint64_t end() const { return base + entries; }
};

struct TopicLayout {
  std::string name;
  std::uint64_t topic_id = 0;
  std::vector<SegmentLayout> segments;
};

inline TopicLayout parse_layout(const nlohmann::json& state) {
  TopicLayout topic{.name = state.at("topic"), .topic_id = 0, .segments = {}};
  for (const auto& segment : state.at("segments")) {
    topic.segments.push_back({.id = segment.at("segment_id"),
                              .base = segment.at("base_offset"),
                              .entries = segment.at("entry_count"),
                              .epoch = segment.at("epoch"),
                              .sealed = segment.at("sealed"),
                              .leader = segment.at("leader_node"),
                              .replicas = segment.at("replicas")});
  }
  topic.topic_id = topic.segments.at(0).epoch;  // docs/cli.md: topics go by the epoch of their first segment
  return topic;
}

}  // namespace walrus::chaos
