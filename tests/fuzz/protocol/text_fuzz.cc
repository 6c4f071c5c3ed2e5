// Whatever is accepted as a request must say the same when it is written out again, with a name that is a name;
// whatever is accepted as a reply must be its own text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/limits.h"
#include "protocol/text.h"

namespace protocol = walrus::protocol;

namespace {

std::string write_out(const protocol::WriteOptions& options) {
  std::string text;
  if (options.expected_end) text += " expect=" + std::to_string(options.expected_end->value());
  if (options.token) text += " token=" + std::to_string(*options.token);
  if (const auto& producer = options.producer) {
    text += " producer=" + std::to_string(producer->id.value()) + ":" + std::to_string(producer->epoch) + ":" +
            std::to_string(producer->sequence);
  }
  return text;
}

std::string write_out(const protocol::Place& place) {
  switch (place.kind) {
    case protocol::Place::Kind::kOffset:
      return std::to_string(place.value);
    case protocol::Place::Kind::kEarliest:
      return "earliest";
    case protocol::Place::Kind::kLatest:
      return "latest";
    case protocol::Place::Kind::kTime:
      return "@" + std::to_string(place.value);
  }
  return {};
}

std::string write_out(const protocol::ReadBounds& bounds) {
  const bool records = bounds.form == protocol::ReadBounds::Form::kRecords;
  return " max=" + std::to_string(bounds.records) + " bytes=" + std::to_string(bounds.bytes) +
         (records ? " form=records" : " form=batches");
}

std::string write_out(const protocol::FetchArguments& fetch) {
  return " " + write_out(fetch.from) + write_out(fetch.bounds) + " wait=" + std::to_string(fetch.wait_ms);
}

std::string write_out(const protocol::Request& request, const protocol::GroupArguments& group) {
  const std::string named = std::string(request.topic) + " " + std::string(request.name);
  if (request.verb == protocol::Verb::kForget) return "FORGET " + named;
  if (request.verb == protocol::Verb::kCommit) return "COMMIT " + named + " " + write_out(group.place);
  if (request.verb == protocol::Verb::kSeek) return "SEEK " + named + " " + write_out(group.place);
  return "READ " + named + write_out(group.bounds) + " wait=" + std::to_string(group.wait_ms) +
         (group.advance ? " commit=auto" : " commit=none");
}

std::string write_out(const char* name, const auto& value) {
  if (!value) return {};
  if constexpr (requires { value->size(); }) {
    return name + *value;
  } else {
    return name + std::to_string(*value);
  }
}

std::string write_out(const protocol::Request& request, const protocol::QueueArguments& queue) {
  std::string text = std::string(request.topic) + " " + std::string(request.name);
  for (const auto& span : queue.spans)
    text += " " + std::to_string(span.first) + (span.last != span.first ? "-" + std::to_string(span.last) : "");
  if (request.verb == protocol::Verb::kLease) {
    text += " max=" + std::to_string(queue.bounds.records) + " bytes=" + std::to_string(queue.bounds.bytes) +
            " wait=" + std::to_string(queue.wait_ms);
  }
  if (queue.tries != 0) text += " try=" + std::to_string(queue.tries);
  text += write_out(" visible=", queue.visible_ms) + write_out(" delay=", queue.delay_ms) +
          write_out(" tries=", queue.max_tries) + write_out(" inflight=", queue.in_flight) +
          write_out(" dead=", queue.dead_topic);
  return text;
}

std::string write_out(const protocol::Request& request) {
  const std::string topic(request.topic);
  const auto node = request.get<protocol::NodeOptions>();
  const auto hello = request.get<protocol::Hello>();
  const auto write = request.get<protocol::WriteOptions>();
  switch (request.verb) {
    case protocol::Verb::kRegister:
      return "REGISTER " + topic + to_string(request.get<protocol::TopicOptions>());
    case protocol::Verb::kPut:
      return "PUT " + topic + " " + std::string(request.payload);
    case protocol::Verb::kAppend:
      return "APPEND " + topic + " " + std::string(request.payload);
    case protocol::Verb::kExpect:
      return "EXPECT " + topic + " " + std::to_string(write.expected_end->value()) + " " + std::string(request.payload);
    case protocol::Verb::kMput:
      return "MPUT " + topic + " " + std::to_string(write.records) + write_out(write) + "\n" +
             std::string(request.payload);
    case protocol::Verb::kFence:
      return "FENCE " + topic + " " + std::to_string(request.get<protocol::Token>().value);
    case protocol::Verb::kHello:
      return "HELLO" + (hello.max_frame_bytes == 0 ? "" : " max_frame=" + std::to_string(hello.max_frame_bytes));
    case protocol::Verb::kProducer:
      return "PRODUCER " + std::string(request.name);
    case protocol::Verb::kGet:
      return "GET " + topic;
    case protocol::Verb::kState:
      return "STATE " + topic;
    case protocol::Verb::kMetrics:
      return "METRICS";
    case protocol::Verb::kTopics:
      return "TOPICS" + (request.name.empty() ? std::string() : " after=" + std::string(request.name)) +
             " max=" + std::to_string(request.get<protocol::TopicPage>().max);
    case protocol::Verb::kDescribe:
      return "DESCRIBE " + topic;
    case protocol::Verb::kAlter:
      return "ALTER " + topic + to_string(request.get<protocol::TopicOptions>());
    case protocol::Verb::kTrim:
      return "TRIM " + topic + " " + std::to_string(request.get<protocol::TrimOptions>().before.value());
    case protocol::Verb::kRecover:
      return std::string(request.topic) + " lose-data";
    case protocol::Verb::kDelete:
      return "DELETE " + topic;
    case protocol::Verb::kNodes:
      return "NODES";
    case protocol::Verb::kRead:
    case protocol::Verb::kCommit:
    case protocol::Verb::kSeek:
    case protocol::Verb::kForget:
      return write_out(request, request.get<protocol::GroupArguments>());
    case protocol::Verb::kQueue:
      return "QUEUE " + write_out(request, request.get<protocol::QueueArguments>());
    case protocol::Verb::kLease:
      return "LEASE " + write_out(request, request.get<protocol::QueueArguments>());
    case protocol::Verb::kAck:
      return "ACK " + write_out(request, request.get<protocol::QueueArguments>());
    case protocol::Verb::kNack:
      return "NACK " + write_out(request, request.get<protocol::QueueArguments>());
    case protocol::Verb::kExtend:
      return "EXTEND " + write_out(request, request.get<protocol::QueueArguments>());
    case protocol::Verb::kCursors:
      return "CURSORS " + topic;
    case protocol::Verb::kFetch:
      return "FETCH " + topic + write_out(request.get<protocol::FetchArguments>());
    case protocol::Verb::kDrain:
      return "DRAIN " + std::to_string(node.node.value()) + (node.cancel ? " cancel" : "");
    case protocol::Verb::kRemove:
      return "REMOVE " + std::to_string(node.node.value()) + (node.lose_data ? " lose-data" : "");
  }
  return {};
}

void check_request(std::string_view text) {
  const auto request = protocol::parse_request(text);
  if (!request) return;
  const std::string written = write_out(*request);
  const auto again = protocol::parse_request(written);
  WALRUS_ASSERT(again && *request == *again);
  if (request->verb == protocol::Verb::kPut) WALRUS_ASSERT(written == text && !request->payload.empty());
  std::string bytes;
  protocol::pack(*request, bytes);
  std::string_view rest = bytes;
  WALRUS_ASSERT(protocol::unpack(*request, rest) == *request && rest.empty());
  if (request->topic.empty()) {
    WALRUS_ASSERT((request->verb >= protocol::Verb::kMetrics && request->verb <= protocol::Verb::kRemove &&
                   request->verb != protocol::Verb::kDescribe) ||
                  request->verb == protocol::Verb::kProducer || request->verb == protocol::Verb::kHello);
    return;
  }
  WALRUS_ASSERT(protocol::valid_topic_name(request->topic));
  WALRUS_ASSERT(request->topic.size() <= walrus::limits::kMaxTopicNameBytes);
  WALRUS_ASSERT(request->topic.find_first_of(" \t\r\n") == std::string_view::npos);
  if (request->verb == protocol::Verb::kMput) {
    WALRUS_ASSERT(protocol::check_records(request->payload, request->get<protocol::WriteOptions>().records));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_request(text);
  const auto reply = protocol::parse_reply(text);
  if (reply) WALRUS_ASSERT(text.ends_with(reply->payload));
  return 0;
}
