// Which bytes are the name of a topic. Pure; any thread.
#pragma once

#include <string_view>

namespace walrus::protocol {

/// 1 to limits::kMaxTopicNameBytes bytes of valid UTF-8 without blanks or control characters.
bool valid_topic_name(std::string_view name);

}  // namespace walrus::protocol
