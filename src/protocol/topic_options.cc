#include "protocol/topic_options.h"

#include <fmt/core.h>

#include <limits>

#include "base/limits.h"
#include "protocol/words.h"

namespace walrus::protocol {

namespace {

constexpr std::uint64_t kMostBound = std::numeric_limits<std::int64_t>::max();

/// The number that `option` sets, where it sets one.
Result<std::optional<std::uint64_t>*> bound_of(TopicOptions& options, const Option& option) {
  if (option.name == "retention_ms") return &options.retention_ms;
  if (option.name == "retention_bytes") return &options.retention_bytes;
  if (option.name == "retention_records") return &options.retention_records;
  if (option.name == "max_bytes_per_second") return &options.max_bytes_per_second;
  return fail(ErrorCode::kInvalidArgument, fmt::format("topic option '{}' is not known", option.name));
}

Result<FsyncChoice> fsync_of(const Option& option) {
  if (option.value == "default") return FsyncChoice{};
  WALRUS_ASSIGN(const SyncPolicy policy, parse_sync_policy(option.value));
  return FsyncChoice{.policy = policy};
}

Status apply(TopicOptions& options, const Option& option) {
  if (option.name == "replicas") {
    WALRUS_ASSIGN(options.replicas, number_of(option, 1, limits::kMaxReplicas));
  } else if (option.name == "segment_entries") {
    WALRUS_ASSIGN(options.segment_entries, number_of(option, 1, limits::kMostSegmentEntries));
  } else if (option.name == "fsync") {
    WALRUS_ASSIGN(options.fsync, fsync_of(option));
  } else {
    WALRUS_ASSIGN(auto* const bound, bound_of(options, option));
    WALRUS_ASSIGN(*bound, number_of(option, 0, kMostBound));
  }
  return {};
}

}  // namespace

Result<TopicOptions> parse_topic_options(std::string_view text) {
  TopicOptions options;
  while (true) {
    const auto option = take_option(text);
    if (!option) return fail(ErrorCode::kInvalidTopicName);
    if (!*option) return options;
    WALRUS_TRY(apply(options, **option));
  }
}

std::string to_string(const TopicOptions& options) {
  std::string text;
  if (options.replicas) text += fmt::format(" replicas={}", *options.replicas);
  if (options.segment_entries) text += fmt::format(" segment_entries={}", *options.segment_entries);
  if (options.fsync) {
    text += " fsync=" + (options.fsync->policy ? walrus::to_string(*options.fsync->policy) : "default");
  }
  if (options.retention_ms) text += fmt::format(" retention_ms={}", *options.retention_ms);
  if (options.retention_bytes) text += fmt::format(" retention_bytes={}", *options.retention_bytes);
  if (options.retention_records) text += fmt::format(" retention_records={}", *options.retention_records);
  if (options.max_bytes_per_second) text += fmt::format(" max_bytes_per_second={}", *options.max_bytes_per_second);
  return text;
}

}  // namespace walrus::protocol
