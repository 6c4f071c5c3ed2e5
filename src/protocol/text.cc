#include "protocol/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "protocol/request_parsers.h"
#include "protocol/words.h"

namespace walrus::protocol {
namespace {

/// `rest` is what stands behind the one blank after the verb; empty when there was none.
using Parser = Result<Request> (*)(Verb verb, std::string_view rest);

/// "<topic> " and what `arguments_of` reads.
template <auto arguments_of>
Result<Request> parse_topic_and(Verb verb, std::string_view rest) {
  const std::string_view topic = rest.substr(0, rest.find(' '));
  WALRUS_ASSIGN(Request request, parse_topic(verb, topic));
  WALRUS_ASSIGN(request.arguments, arguments_of(rest.substr(topic.size())));
  return request;
}

/// "[max_frame=N]"
Result<Request> parse_hello(Verb verb, std::string_view rest) {
  Hello hello;
  while (true) {
    WALRUS_ASSIGN(const auto option, take_option(rest));
    if (!option) break;
    if (option->name != "max_frame") {
      return fail(ErrorCode::kInvalidArgument, fmt::format("option '{}' is not known here", option->name));
    }
    WALRUS_ASSIGN(hello.max_frame_bytes, number_of(*option, 1, std::numeric_limits<std::uint32_t>::max()));
  }
  return Request{.verb = verb, .topic = {}, .payload = {}, .name = {}, .arguments = hello};
}

/// Nothing: of FORGET.
Result<GroupArguments> parse_no_arguments(std::string_view text) {
  if (without_trailing_blanks(text).empty()) return GroupArguments{};
  return fail(ErrorCode::kInvalidArgument, "nothing is known behind the group");
}

/// "<topic> <group> " and what `arguments_of` reads.
template <auto arguments_of>
Result<Request> parse_group_and(Verb verb, std::string_view rest) {
  const std::string_view topic = rest.substr(0, rest.find(' '));
  WALRUS_ASSIGN(Request request, parse_topic(verb, topic));
  rest.remove_prefix(topic.size());
  request.name = take_word(rest);
  if (request.name.empty()) return fail(ErrorCode::kIncomplete, fmt::format("{} requires a group", verb_word(verb)));
  if (!valid_topic_name(request.name)) return fail(ErrorCode::kInvalidArgument, "a group is named like a topic");
  WALRUS_ASSIGN(request.arguments, arguments_of(rest));
  return request;
}

/// Nothing but blanks; with anything else it is another command.
Result<Request> parse_nothing(Verb verb, std::string_view rest) {
  if (!without_trailing_blanks(rest).empty()) return fail(ErrorCode::kUnknownCommand);
  return Request{.verb = verb, .topic = {}, .payload = {}};
}

/// "<node>", and behind it perhaps the one word that goes with the verb.
Result<Request> parse_node(Verb verb, std::string_view rest) {
  rest = without_trailing_blanks(rest);
  const std::string_view id = rest.substr(0, rest.find(' '));
  const std::string_view option = without_leading_blanks(rest.substr(id.size()));
  const auto number = parse_number(id);
  if (!number || *number == 0) return fail(ErrorCode::kInvalidArgument, "a node id is needed, a number from 1");
  const NodeOptions node{.node = NodeId(*number),
                         .cancel = verb == Verb::kDrain && option == "cancel",
                         .lose_data = verb == Verb::kRemove && option == "lose-data"};
  if (!option.empty() && !node.cancel && !node.lose_data) {
    return unknown_word(option);
  }
  return Request{.verb = verb, .topic = {}, .payload = {}, .name = {}, .arguments = node};
}

struct VerbRule {
  std::string_view word;
  Verb verb;
  Parser parse;
};
// In the order of how often they come.
constexpr VerbRule kVerbs[] = {
    {"PUT", Verb::kPut, parse_put},
    {"GET", Verb::kGet, parse_topic},
    {"APPEND", Verb::kAppend, parse_put},
    {"MPUT", Verb::kMput, parse_mput},
    {"EXPECT", Verb::kExpect, parse_expect},
    {"FETCH", Verb::kFetch, parse_topic_and<parse_fetch_arguments>},
    {"READ", Verb::kRead, parse_group_and<parse_read_arguments>},
    {"COMMIT", Verb::kCommit, parse_group_and<parse_commit_arguments>},
    {"SEEK", Verb::kSeek, parse_group_and<parse_seek_arguments>},
    {"FORGET", Verb::kForget, parse_group_and<parse_no_arguments>},
    {"CURSORS", Verb::kCursors, parse_topic},
    {"LEASE", Verb::kLease, parse_group_and<parse_lease_arguments>},
    {"ACK", Verb::kAck, parse_group_and<parse_ack_arguments>},
    {"NACK", Verb::kNack, parse_group_and<parse_nack_arguments>},
    {"EXTEND", Verb::kExtend, parse_group_and<parse_extend_arguments>},
    {"QUEUE", Verb::kQueue, parse_group_and<parse_queue_arguments>},
    {"FENCE", Verb::kFence, parse_fence},
    {"PRODUCER", Verb::kProducer, parse_producer},
    {"HELLO", Verb::kHello, parse_hello},
    {"STATE", Verb::kState, parse_topic},
    {"REGISTER", Verb::kRegister, parse_register},
    {"METRICS", Verb::kMetrics, parse_nothing},
    {"TOPICS", Verb::kTopics, parse_topics},
    {"DESCRIBE", Verb::kDescribe, parse_topic},
    {"ALTER", Verb::kAlter, parse_alter},
    {"TRIM", Verb::kTrim, parse_trim},
    {"DELETE", Verb::kDelete, parse_topic},
    {"RECOVER", Verb::kRecover, parse_recover},
    {"NODES", Verb::kNodes, parse_nothing},
    {"DRAIN", Verb::kDrain, parse_node},
    {"REMOVE", Verb::kRemove, parse_node},
};

}  // namespace

std::string_view verb_word(Verb verb) {
  const auto rule = std::ranges::find(kVerbs, verb, &VerbRule::verb);
  WALRUS_ASSERT(rule != std::end(kVerbs), "every verb has a row");
  return rule->word;
}

std::unexpected<Error> fail_without_topic(Verb verb) {
  switch (verb) {
    case Verb::kRegister:
      return fail(ErrorCode::kRegisterRequiresTopic);
    case Verb::kPut:
      return fail(ErrorCode::kPutRequiresTopic);
    case Verb::kGet:
      return fail(ErrorCode::kGetRequiresTopic);
    case Verb::kState:
      return fail(ErrorCode::kStateRequiresTopic);
    default:
      return fail(ErrorCode::kIncomplete, fmt::format("{} requires a topic", verb_word(verb)));
  }
}

Result<Request> parse_topic(Verb verb, std::string_view rest) {
  Request request{.verb = verb, .topic = without_trailing_blanks(rest), .payload = {}};
  if (request.topic.empty() || request.topic.starts_with(' ')) return fail_without_topic(verb);
  if (!valid_topic_name(request.topic)) return fail(ErrorCode::kInvalidTopicName);
  return request;
}

Result<Request> parse_request(std::string_view text) {
  const auto blank = text.find(' ');
  const std::string_view word = text.substr(0, blank);
  const std::string_view rest = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  for (const VerbRule& rule : kVerbs) {
    if (word == rule.word) return rule.parse(rule.verb, rest);
  }
  return fail(ErrorCode::kUnknownCommand);
}

void pack(const Request& request, std::string& bytes) {
  bytes.append(request.topic).append(request.payload).append(request.name);
}

Request unpack(Request request, std::string_view& bytes) {
  for (std::string_view* view : {&request.topic, &request.payload, &request.name}) {
    *view = bytes.substr(0, view->size());
    bytes.remove_prefix(view->size());
  }
  return request;
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
