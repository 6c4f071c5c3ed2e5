#include "protocol/text.h"

#include <fmt/core.h>

#include <charconv>
#include <optional>

#include "base/limits.h"

namespace walrus::protocol {
namespace {

/// One code point off the front of `text`, or nothing where it is not well-formed UTF-8 (RFC 3629: no overlong forms,
/// no surrogates, nothing above U+10FFFF).
std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t size = 1;
  char32_t code = lead;
  char32_t least = 0;
  if (lead >= 0x80) {
    if ((lead & 0xe0) == 0xc0) {
      size = 2, code = lead & 0x1f, least = 0x80;
    } else if ((lead & 0xf0) == 0xe0) {
      size = 3, code = lead & 0x0f, least = 0x800;
    } else if ((lead & 0xf8) == 0xf0) {
      size = 4, code = lead & 0x07, least = 0x10000;
    } else {
      return std::nullopt;
    }
  }
  if (text.size() < size) return std::nullopt;
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    code = (code << 6) | (byte & 0x3f);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < least || code > 0x10ffff || surrogate) return std::nullopt;
  text.remove_prefix(size);
  return code;
}

/// Control characters (C0, DEL, C1) and everything that Unicode calls White_Space.
bool control_or_blank(char32_t code) {
  if (code <= 0x20 || (code >= 0x7f && code <= 0xa0)) return true;
  return code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
         code == 0x205f || code == 0x3000;
}

struct VerbRule {
  std::string_view word;
  Verb verb;
  ErrorCode without_topic;
};
// In the order of how often they come.
constexpr VerbRule kTopicVerbs[] = {
    {"PUT", Verb::kPut, ErrorCode::kPutRequiresTopic},
    {"GET", Verb::kGet, ErrorCode::kGetRequiresTopic},
    {"STATE", Verb::kState, ErrorCode::kStateRequiresTopic},
    {"REGISTER", Verb::kRegister, ErrorCode::kRegisterRequiresTopic},
};

std::string_view without_trailing_blanks(std::string_view text) {
  const auto last = text.find_last_not_of(' ');
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

std::string_view without_leading_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

Result<TopicOptions> parse_options(std::string_view text) {
  TopicOptions options;
  while (!(text = without_leading_blanks(text)).empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    const auto equals = word.find('=');
    // What is no option may be meant as a part of the name.
    if (equals == std::string_view::npos) return fail(ErrorCode::kInvalidTopicName);
    const std::string_view name = word.substr(0, equals);
    const std::string_view value = word.substr(equals + 1);
    if (name != "replicas")
      return fail(ErrorCode::kInvalidArgument, fmt::format("topic option '{}' is not known", name));
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), options.replicas);
    if (error != std::errc{} || end != value.data() + value.size() || options.replicas < 1 ||
        options.replicas > limits::kMaxReplicas) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("replicas is a number from 1 to {}", limits::kMaxReplicas));
    }
  }
  return options;
}

/// `rest` is what stands behind the blank after the verb; empty when there was none.
Result<Request> parse_arguments(const VerbRule& rule, std::string_view rest) {
  Request request{.verb = rule.verb, .topic = {}, .payload = {}};
  if (rule.verb == Verb::kPut) {
    const auto blank = rest.find(' ');
    request.topic = rest.substr(0, blank);
    if (blank != std::string_view::npos) request.payload = rest.substr(blank + 1);
  } else {
    request.topic = without_trailing_blanks(rest);
    if (request.topic.starts_with(' ')) request.topic = {};
  }
  std::string_view options;
  if (rule.verb == Verb::kRegister && request.topic.contains(' ')) {
    options = request.topic.substr(request.topic.find(' '));
    request.topic.remove_suffix(options.size());
  }
  if (request.topic.empty()) return fail(rule.without_topic);
  if (rule.verb == Verb::kPut && request.payload.empty()) return fail(ErrorCode::kPutRequiresPayload);
  if (!valid_topic_name(request.topic)) return fail(ErrorCode::kInvalidTopicName);
  WALRUS_ASSIGN(request.options, parse_options(options));
  return request;
}

/// "<node>", and behind it perhaps the one word that goes with the verb.
Result<Request> parse_node_arguments(Verb verb, std::string_view rest) {
  rest = without_trailing_blanks(rest);
  const std::string_view id = rest.substr(0, rest.find(' '));
  const std::string_view option = without_leading_blanks(rest.substr(id.size()));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size() || number == 0) {
    return fail(ErrorCode::kInvalidArgument, "a node id is needed, a number from 1");
  }
  Request request{.verb = verb, .topic = {}, .payload = {}};
  request.node.node = NodeId(number);
  request.node.cancel = verb == Verb::kDrain && option == "cancel";
  request.node.lose_data = verb == Verb::kRemove && option == "lose-data";
  if (!option.empty() && !request.node.cancel && !request.node.lose_data) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not known here", option));
  }
  return request;
}

}  // namespace

Result<Request> parse_request(std::string_view text) {
  const auto blank = text.find(' ');
  const std::string_view word = text.substr(0, blank);
  const std::string_view rest = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  for (const VerbRule& rule : kTopicVerbs) {
    if (word == rule.word) return parse_arguments(rule, rest);
  }
  if (word == "METRICS" && without_trailing_blanks(rest).empty()) return Request{};
  if (word == "NODES" && without_trailing_blanks(rest).empty())
    return Request{.verb = Verb::kNodes, .topic = {}, .payload = {}};
  if (word == "DRAIN") return parse_node_arguments(Verb::kDrain, rest);
  if (word == "REMOVE") return parse_node_arguments(Verb::kRemove, rest);
  return fail(ErrorCode::kUnknownCommand);
}

bool valid_topic_name(std::string_view name) {
  if (name.empty() || name.size() > limits::kMaxTopicNameBytes) return false;
  const auto plain = [](char c) { return c > 0x20 && c < 0x7f; };
  std::string_view rest = name;
  while (!rest.empty()) {
    if (plain(rest.front())) {
      rest.remove_prefix(1);
      continue;
    }
    const auto code = take_code_point(rest);
    if (!code || control_or_blank(*code)) return false;
  }
  return true;
}

Result<Reply> parse_reply(std::string_view text) {
  constexpr std::string_view kOkWord = "OK ";
  constexpr std::string_view kErrorWord = "ERR ";
  if (text == "OK") return Reply{Reply::Kind::kOk, {}};
  if (text == "EMPTY") return Reply{Reply::Kind::kEmpty, {}};
  if (text.starts_with(kOkWord)) return Reply{Reply::Kind::kOkPayload, text.substr(kOkWord.size())};
  if (text.starts_with(kErrorWord)) return Reply{Reply::Kind::kError, text.substr(kErrorWord.size())};
  return fail(ErrorCode::kCorrupt, "not a reply");
}

}  // namespace walrus::protocol
