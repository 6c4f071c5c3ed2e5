// The text of a client's request, as it stands in a frame (docs/protocol/text.md). Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace walrus::protocol {

enum class Verb : std::uint8_t { kRegister, kPut, kGet, kState, kMetrics, kNodes, kDrain, kRemove };

/// What REGISTER may say behind the topic: blank-separated `name=value`.
struct TopicOptions {
  std::uint32_t replicas = 0;  ///< 1 to limits::kMaxReplicas; 0: not said, the node's --replication-factor

  friend bool operator==(const TopicOptions&, const TopicOptions&) = default;
};

/// What DRAIN and REMOVE are about.
struct NodeOptions {
  NodeId node = {};
  bool cancel = false;     ///< DRAIN: not any more
  bool lose_data = false;  ///< REMOVE: even when nobody else has what it holds
};

/// Views into the frame.
struct Request {
  Verb verb = Verb::kMetrics;
  std::string_view topic;
  std::string_view payload;   ///< PUT only: every byte behind the one blank after the topic
  TopicOptions options = {};  ///< REGISTER only
  NodeOptions node = {};      ///< DRAIN and REMOVE only
};

/// The request in a frame's text, or the error whose text the client gets behind "ERR ".
Result<Request> parse_request(std::string_view text);

/// 1 to limits::kMaxTopicNameBytes bytes of valid UTF-8 without blanks or control characters.
bool valid_topic_name(std::string_view name);

/// A reply as a client sees it: "OK", "OK <payload>", "EMPTY" or "ERR <payload>".
struct Reply {
  enum class Kind : std::uint8_t { kOk, kOkPayload, kEmpty, kError };
  Kind kind = Kind::kOk;
  std::string_view payload;  ///< view into the frame
};

/// kCorrupt when the text is no reply.
Result<Reply> parse_reply(std::string_view text);

}  // namespace walrus::protocol
