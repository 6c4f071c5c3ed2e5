// The requests about topics as a whole: REGISTER, ALTER, TRIM, RECOVER, TOPICS.
#include <fmt/core.h>

#include "base/limits.h"
#include "protocol/request_parsers.h"
#include "protocol/words.h"

namespace walrus::protocol {

Result<Request> parse_register(Verb verb, std::string_view rest) {
  const std::string_view topic = rest.substr(0, rest.find(' '));
  WALRUS_ASSIGN(Request request, parse_topic(verb, topic));
  WALRUS_ASSIGN(request.arguments, parse_topic_options(rest.substr(topic.size())));
  return request;
}

Result<Request> parse_alter(Verb verb, std::string_view rest) {
  WALRUS_ASSIGN(Request request, parse_register(verb, rest));
  if (request.get<TopicOptions>() == TopicOptions{}) {
    return fail(ErrorCode::kIncomplete, "ALTER requires name=value, what is to change");
  }
  return request;
}

Result<Request> parse_trim(Verb verb, std::string_view rest) {
  const std::string_view topic = rest.substr(0, rest.find(' '));
  WALRUS_ASSIGN(Request request, parse_topic(verb, topic));
  rest = without_trailing_blanks(without_leading_blanks(rest.substr(topic.size())));
  if (rest.empty()) return fail(ErrorCode::kIncomplete, "TRIM requires an offset, that of the first record to keep");
  WALRUS_ASSIGN(const Offset before, parse_offset(rest));
  request.arguments = TrimOptions{.before = before};
  return request;
}

Result<Request> parse_recover(Verb verb, std::string_view rest) {
  const std::string_view topic = rest.substr(0, rest.find(' '));
  WALRUS_ASSIGN(Request request, parse_topic(verb, topic));
  if (without_trailing_blanks(without_leading_blanks(rest.substr(topic.size()))) != "lose-data") {
    return fail(ErrorCode::kIncomplete, "RECOVER requires the word lose-data behind the topic: that is what it does");
  }
  return request;
}

Result<Request> parse_topics(Verb verb, std::string_view rest) {
  Request request{.verb = verb, .topic = {}, .payload = {}};
  TopicPage page;
  while (true) {
    WALRUS_ASSIGN(const auto option, take_option(rest));
    if (!option) break;
    if (option->name == "after") {
      if (!valid_topic_name(option->value)) return fail(ErrorCode::kInvalidTopicName);
      request.name = option->value;
    } else if (option->name == "max") {
      WALRUS_ASSIGN(const std::uint64_t max, number_of(*option, 1, limits::kMostTopicsListed));
      page.max = static_cast<std::uint32_t>(max);
    } else {
      return unknown_word(option->name);
    }
  }
  request.arguments = page;
  return request;
}

}  // namespace walrus::protocol
