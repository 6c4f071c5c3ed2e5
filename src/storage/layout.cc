#include "storage/layout.h"

#include <fmt/core.h>

#include <charconv>

namespace walrus::storage::layout {
namespace {

std::string segment_file(const std::string& node, SegmentKey key, std::string_view extension) {
  return fmt::format("{}/{}{}", topic_directory(node, key.topic), key.segment, extension);
}

std::optional<std::uint64_t> parse_between(std::string_view name, std::string_view prefix, std::string_view suffix) {
  if (name.size() <= prefix.size() + suffix.size()) return std::nullopt;
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string shard_directory(const std::string& node, std::uint64_t shard) {
  return fmt::format("{}/shard_{}", node, shard);
}
std::string wal_directory(const std::string& node, std::uint64_t shard) {
  return shard_directory(node, shard) + "/wal";
}
std::string wal_slot(const std::string& wal_directory, std::uint64_t slot) {
  return fmt::format("{}/{:06}.wal", wal_directory, slot);
}
std::string wal_checkpoint(const std::string& wal_directory) { return wal_directory + "/checkpoint"; }

std::string node_promises(const std::string& node) { return node + "/promises"; }
std::string shard_promises(const std::string& node, std::uint64_t shard) {
  return shard_directory(node, shard) + "/promises";
}

std::string topics_directory(const std::string& node) { return node + "/topics"; }
std::string topic_directory(const std::string& node, TopicId topic) { return fmt::format("{}/topics/{}", node, topic); }
std::string segment_log(const std::string& node, SegmentKey key) { return segment_file(node, key, ".log"); }
std::string segment_index(const std::string& node, SegmentKey key) { return segment_file(node, key, ".idx"); }
std::string segment_suspect(const std::string& node, SegmentKey key) { return segment_file(node, key, ".suspect"); }

std::string quarantine_directory(const std::string& node) { return node + "/quarantine"; }

std::optional<std::uint64_t> parse_shard(std::string_view name) { return parse_between(name, "shard_", ""); }
std::optional<std::uint64_t> parse_topic(std::string_view name) { return parse_between(name, "", ""); }
std::optional<std::uint64_t> parse_slot(std::string_view name) { return parse_between(name, "", ".wal"); }
std::optional<std::uint64_t> parse_segment(std::string_view name) { return parse_between(name, "", ".log"); }

}  // namespace walrus::storage::layout
