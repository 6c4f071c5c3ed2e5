#include "protocol/topic_options.h"

#include <fmt/core.h>

#include "base/limits.h"
#include "protocol/words.h"

namespace walrus::protocol {

Result<TopicOptions> parse_topic_options(std::string_view text) {
  TopicOptions options;
  while (true) {
    const auto option = take_option(text);
    if (!option) return fail(ErrorCode::kInvalidTopicName);
    if (!*option) return options;
    if ((*option)->name == "replicas") {
      WALRUS_ASSIGN(const std::uint64_t replicas, number_of(**option, 1, limits::kMaxReplicas));
      options.replicas = static_cast<std::uint32_t>(replicas);
    } else if ((*option)->name == "segment_entries") {
      WALRUS_ASSIGN(options.segment_entries, number_of(**option, 1, limits::kMostSegmentEntries));
    } else {
      return fail(ErrorCode::kInvalidArgument, fmt::format("topic option '{}' is not known", (*option)->name));
    }
  }
}

}  // namespace walrus::protocol
