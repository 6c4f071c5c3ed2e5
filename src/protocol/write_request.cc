// The requests that write, and what writers ask for beforehand: PUT, APPEND, EXPECT, MPUT; FENCE, PRODUCER.
#include <fmt/core.h>

#include "base/limits.h"
#include "protocol/request_parsers.h"
#include "protocol/words.h"

namespace walrus::protocol {

namespace {

/// Everything before the first blank, which goes too.
std::string_view take_to_blank(std::string_view& text) {
  const auto blank = text.find(' ');
  const std::string_view front = text.substr(0, blank);
  text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  return front;
}

}  // namespace

Result<Request> parse_put(Verb verb, std::string_view rest) {
  Request request{.verb = verb, .topic = take_to_blank(rest), .payload = rest};
  if (request.topic.empty()) return fail_without_topic(verb);
  if (request.payload.empty()) {
    if (verb == Verb::kPut) return fail(ErrorCode::kPutRequiresPayload);
    return fail(ErrorCode::kIncomplete, fmt::format("{} requires a payload", verb_word(verb)));
  }
  if (!valid_topic_name(request.topic)) return fail(ErrorCode::kInvalidTopicName);
  WALRUS_TRY(check_payload(request.payload));
  return request;
}

Result<Request> parse_expect(Verb verb, std::string_view rest) {
  std::string_view payload = rest;
  const std::string_view topic = take_to_blank(payload);
  if (topic.empty()) return fail_without_topic(verb);
  if (!valid_topic_name(topic)) return fail(ErrorCode::kInvalidTopicName);
  WALRUS_ASSIGN(const Offset end, parse_offset(take_to_blank(payload)));
  if (payload.empty()) return fail(ErrorCode::kIncomplete, "EXPECT requires a payload");
  WALRUS_TRY(check_payload(payload));
  const WriteOptions options{.records = 1, .expected_end = end, .token = {}, .producer = {}};
  return Request{.verb = verb, .topic = topic, .payload = payload, .name = {}, .arguments = options};
}

Result<Request> parse_mput(Verb verb, std::string_view rest) {
  const auto line_end = rest.find('\n');
  std::string_view line = rest.substr(0, line_end);
  const std::string_view topic = take_to_blank(line);
  if (topic.empty()) return fail_without_topic(verb);
  if (!valid_topic_name(topic)) return fail(ErrorCode::kInvalidTopicName);
  const auto records = parse_number(take_word(line));
  if (!records || *records < 1 || *records > limits::kMaxWriteRecords) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("MPUT requires the number of its records, from 1 to {}", limits::kMaxWriteRecords));
  }
  WALRUS_ASSIGN(WriteOptions options, parse_write_options(line));
  options.records = static_cast<std::uint32_t>(*records);
  if (line_end == std::string_view::npos) {
    return fail(ErrorCode::kIncomplete, "MPUT requires a newline and records behind it");
  }
  const std::string_view body = rest.substr(line_end + 1);
  WALRUS_TRY(check_records(body, options.records));
  return Request{.verb = verb, .topic = topic, .payload = body, .name = {}, .arguments = options};
}

Result<Request> parse_fence(Verb verb, std::string_view rest) {
  rest = without_trailing_blanks(rest);
  const std::string_view topic = take_to_blank(rest);
  if (topic.empty()) return fail_without_topic(verb);
  if (!valid_topic_name(topic)) return fail(ErrorCode::kInvalidTopicName);
  const auto token = parse_number(rest);
  if (!token) return fail(ErrorCode::kInvalidArgument, "FENCE requires a token, a number from 0");
  return Request{.verb = verb, .topic = topic, .payload = {}, .name = {}, .arguments = Token{*token}};
}

Result<Request> parse_producer(Verb verb, std::string_view rest) {
  const std::string_view name = without_trailing_blanks(rest);
  if (name.empty()) return fail(ErrorCode::kIncomplete, "PRODUCER requires a name");
  if (!valid_topic_name(name)) {
    return fail(ErrorCode::kInvalidArgument, "the name of a producer is formed like that of a topic");
  }
  return Request{.verb = verb, .topic = {}, .payload = {}, .name = name, .arguments = {}};
}

}  // namespace walrus::protocol
