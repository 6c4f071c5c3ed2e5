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

std::string write_out(const protocol::Request& request) {
  const std::string topic(request.topic);
  switch (request.verb) {
    case protocol::Verb::kRegister:
      return "REGISTER " + topic;
    case protocol::Verb::kPut:
      return "PUT " + topic + " " + std::string(request.payload);
    case protocol::Verb::kGet:
      return "GET " + topic;
    case protocol::Verb::kState:
      return "STATE " + topic;
    case protocol::Verb::kMetrics:
      return "METRICS";
  }
  return {};
}

void check_request(std::string_view text) {
  const auto request = protocol::parse_request(text);
  if (!request) return;
  const std::string again = write_out(*request);
  if (request->verb == protocol::Verb::kPut) {
    WALRUS_ASSERT(again == text && !request->payload.empty());
  } else {
    WALRUS_ASSERT(text.starts_with(again));
    WALRUS_ASSERT(text.find_first_not_of(' ', again.size()) == std::string_view::npos);
  }
  if (request->verb == protocol::Verb::kMetrics) return;
  WALRUS_ASSERT(protocol::valid_topic_name(request->topic));
  WALRUS_ASSERT(!request->topic.empty() && request->topic.size() <= walrus::limits::kMaxTopicNameBytes);
  WALRUS_ASSERT(request->topic.find_first_of(" \t\r\n") == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_request(text);
  const auto reply = protocol::parse_reply(text);
  if (reply) WALRUS_ASSERT(text.ends_with(reply->payload));
  return 0;
}
