#include "protocol/queue_requests.h"

#include <fmt/core.h>

#include "protocol/topic_name.h"
#include "protocol/words.h"

namespace walrus::protocol {

namespace {

constexpr auto kMostMs = static_cast<std::uint64_t>(limits::kMaxLeaseTime / std::chrono::milliseconds(1));

Result<std::uint32_t> small_number(const Option& option, std::uint64_t least, std::uint64_t most) {
  WALRUS_ASSIGN(const std::uint64_t number, number_of(option, least, most));
  return static_cast<std::uint32_t>(number);
}

Result<OffsetSpan> parse_span(std::string_view word) {
  const auto dash = word.find('-');
  const auto first = parse_number(word.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_number(word.substr(dash + 1));
  if (!first || !last || *last > limits::kMaxOffset || *first > *last || *last - *first >= limits::kMaxLeases) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no offset and no range of at most {} of them", word, limits::kMaxLeases));
  }
  return OffsetSpan{.first = *first, .last = *last};
}

/// "<offset>" and the options `take` knows.
template <class Take>
Result<QueueArguments> parse_one_offset(std::string_view text, std::string_view verb, Take take) {
  QueueArguments arguments;
  const std::string_view word = take_word(text);
  if (word.empty()) return fail(ErrorCode::kIncomplete, fmt::format("{} requires an offset", verb));
  WALRUS_ASSIGN(const OffsetSpan span, parse_span(word));
  if (span.first != span.last) return fail(ErrorCode::kInvalidArgument, fmt::format("{} takes one offset", verb));
  arguments.spans.push_back(span);
  while (true) {
    WALRUS_ASSIGN(const auto option, take_option(text));
    if (!option) return arguments;
    if (option->name == "try") {
      WALRUS_ASSIGN(arguments.tries, small_number(*option, 1, UINT32_MAX));  // without a bound they go on and on
      continue;
    }
    WALRUS_ASSIGN(const bool known, take(*option, arguments));
    if (!known) return unknown_word(option->name);
  }
}

}  // namespace

Result<QueueArguments> parse_queue_arguments(std::string_view text) {
  QueueArguments arguments;
  while (true) {
    WALRUS_ASSIGN(const auto option, take_option(text));
    if (!option) return arguments;
    if (option->name == "visible") {
      WALRUS_ASSIGN(arguments.visible_ms, small_number(*option, 1, kMostMs));
    } else if (option->name == "tries") {
      WALRUS_ASSIGN(arguments.max_tries, small_number(*option, 0, limits::kMaxTries));
    } else if (option->name == "delay") {
      WALRUS_ASSIGN(arguments.delay_ms, small_number(*option, 0, kMostMs));
    } else if (option->name == "inflight") {
      WALRUS_ASSIGN(arguments.in_flight, small_number(*option, 1, limits::kMaxLeases));
    } else if (option->name == "dead") {
      const bool named = option->value.empty() || valid_topic_name(option->value);
      if (!named) return fail(ErrorCode::kInvalidTopicName);
      arguments.dead_topic = std::string(option->value);
    } else {
      return unknown_word(option->name);
    }
  }
}

Result<QueueArguments> parse_lease_arguments(std::string_view text) {
  QueueArguments arguments;
  arguments.bounds.records = 1;
  while (true) {
    WALRUS_ASSIGN(const auto option, take_option(text));
    if (!option) return arguments;
    if (option->name == "max") {
      WALRUS_ASSIGN(arguments.bounds.records, small_number(*option, 1, limits::kMaxLeases));
    } else if (option->name == "bytes") {
      WALRUS_ASSIGN(arguments.bounds.bytes, small_number(*option, 1, limits::kMaxReadBytes));
    } else if (option->name == "wait") {
      const auto most = static_cast<std::uint64_t>(limits::kMaxReadWait / std::chrono::milliseconds(1));
      WALRUS_ASSIGN(arguments.wait_ms, small_number(*option, 0, most));
    } else if (option->name == "visible") {
      WALRUS_ASSIGN(arguments.visible_ms, small_number(*option, 1, kMostMs));
    } else {
      return unknown_word(option->name);
    }
  }
}

Result<QueueArguments> parse_ack_arguments(std::string_view text) {
  QueueArguments arguments;
  std::uint64_t count = 0;
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    WALRUS_ASSIGN(const OffsetSpan span, parse_span(word));
    count += span.last - span.first + 1;
    arguments.spans.push_back(span);
  }
  if (arguments.spans.empty()) return fail(ErrorCode::kIncomplete, "ACK requires an offset");
  if (count > limits::kMaxLeases) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("at most {} records at a time", limits::kMaxLeases));
  }
  return arguments;
}

Result<QueueArguments> parse_nack_arguments(std::string_view text) {
  return parse_one_offset(text, "NACK", [](const Option& option, QueueArguments& to) -> Result<bool> {
    if (option.name != "delay") return false;
    WALRUS_ASSIGN(to.delay_ms, small_number(option, 0, kMostMs));
    return true;
  });
}

Result<QueueArguments> parse_extend_arguments(std::string_view text) {
  return parse_one_offset(text, "EXTEND", [](const Option& option, QueueArguments& to) -> Result<bool> {
    if (option.name != "visible") return false;
    WALRUS_ASSIGN(to.visible_ms, small_number(option, 1, kMostMs));
    return true;
  });
}

}  // namespace walrus::protocol
