// The text of a client's request, as it stands in a frame (docs/protocol/text.md). Pure; any thread.
//
// A new verb is a row of the table in text.cc, a function that reads what stands behind the verb (request_parsers.h),
// and, when it carries more than a topic and a payload, one more alternative of Arguments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "protocol/queue_requests.h"
#include "protocol/read_requests.h"
#include "protocol/topic_name.h"
#include "protocol/topic_options.h"
#include "protocol/write_options.h"

namespace walrus::protocol {

enum class Verb : std::uint8_t {
  kRegister,
  kPut,
  kAppend,
  kExpect,
  kMput,
  kFence,
  kProducer,
  kHello,
  kGet,
  kFetch,
  kRead,
  kCommit,
  kSeek,
  kForget,
  kCursors,
  kQueue,
  kLease,
  kAck,
  kNack,
  kExtend,
  kState,
  kMetrics,
  kTopics,
  kDescribe,
  kAlter,
  kTrim,
  kDelete,
  kRecover,
  kNodes,
  kDrain,
  kRemove,
};

/// Requests that store what they carry.
constexpr bool is_write(Verb verb) {
  return verb == Verb::kPut || verb == Verb::kAppend || verb == Verb::kExpect || verb == Verb::kMput;
}

/// What DRAIN and REMOVE are about.
struct NodeOptions {
  NodeId node = {};
  bool cancel = false;     ///< DRAIN: not any more
  bool lose_data = false;  ///< REMOVE: even when nobody else has what it holds

  friend bool operator==(const NodeOptions&, const NodeOptions&) = default;
};

/// What TOPICS is to list: some of the topics, by name.
struct TopicPage {
  std::uint32_t max = limits::kMostTopicsListed;

  friend bool operator==(const TopicPage&, const TopicPage&) = default;
};

/// What TRIM is to take away.
struct TrimOptions {
  Offset before;  ///< records at and behind this one stay

  friend bool operator==(const TrimOptions&, const TrimOptions&) = default;
};

/// Of FENCE.
struct Token {
  std::uint64_t value = 0;
  friend bool operator==(const Token&, const Token&) = default;
};

/// Of HELLO.
struct Hello {
  std::uint64_t max_frame_bytes = 0;  ///< wanted for the requests of this connection; 0: as it is
  friend bool operator==(const Hello&, const Hello&) = default;
};

/// What a verb carries besides names and a payload. No views in it: requests go from one thread to another.
using Arguments = std::variant<std::monostate, TopicOptions, WriteOptions, Token, Hello, FetchArguments, GroupArguments,
                               QueueArguments, TopicPage, TrimOptions, NodeOptions>;

/// Views into the frame.
struct Request {
  Verb verb = Verb::kMetrics;
  std::string_view topic;
  std::string_view payload;  ///< of a write: its record, every byte of it; of MPUT: its records (record.h)
  std::string_view name =
      {};  ///< of what the verb is about besides a topic: the producer; TOPICS: list only those behind it
  Arguments arguments = {};

  /// What a verb of this kind carries; the defaults when nothing was said.
  template <class T>
  T get() const {
    const T* value = std::get_if<T>(&arguments);
    return value != nullptr ? *value : T{};
  }

  friend bool operator==(const Request&, const Request&) = default;
};

/// The request in a frame's text, or the error whose message the client gets behind "ERR ".
Result<Request> parse_request(std::string_view text);

/// Copies what the views of `request` name to the end of `bytes`, for unpack().
void pack(const Request& request, std::string& bytes);
/// The request with its views moved to the front of `bytes`, where pack() put what they name; takes it off there.
Request unpack(Request request, std::string_view& bytes);

/// A reply as a client sees it: "OK", "OK <payload>", "EMPTY" or "ERR <payload>".
struct Reply {
  enum class Kind : std::uint8_t { kOk, kOkPayload, kEmpty, kError };
  Kind kind = Kind::kOk;
  std::string_view payload;  ///< view into the frame
};

/// kCorrupt when the text is no reply.
Result<Reply> parse_reply(std::string_view text);

}  // namespace walrus::protocol
