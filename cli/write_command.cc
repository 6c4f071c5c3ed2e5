#include "cli/write_command.h"

#include "cli/console.h"
#include "cli/one_off.h"
#include "protocol/topic_name.h"

namespace walrus::cli {

namespace {

/// The request up to the blank before its payload, or its end.
std::string head_of(const WriteOptions& options, const std::string& topic) {
  switch (options.action) {
    case WriteOptions::Action::kAppend:
      return "APPEND " + topic;
    case WriteOptions::Action::kExpect:
      return "EXPECT " + topic + " " + std::to_string(options.number);
    case WriteOptions::Action::kFence:
      return "FENCE " + topic + " " + std::to_string(options.number);
  }
  return {};
}

}  // namespace

ExitStatus run_write(client::Connection& connection, const WriteOptions& options, const std::string& topic,
                     const std::string& payload) {
  // With a blank in it the name would be another one.
  if (!protocol::valid_topic_name(topic)) {
    return report({.kind = client::ErrorKind::kInvalidRequest, .text = "invalid topic name"}, RequestKind::kWrite,
                  topic);
  }
  std::string request = head_of(options, topic);
  if (options.action != WriteOptions::Action::kFence) {
    const auto bytes = payload == "-" ? read_stdin(connection.max_payload_bytes(topic)) : payload;
    if (!bytes) return report(bytes.error(), RequestKind::kWrite, topic);
    request.append(" ").append(*bytes);
  }
  const auto answer = ask(connection, request);
  if (!answer) return report(answer.error(), RequestKind::kWrite, topic);
  return print_answer(*answer);
}

}  // namespace walrus::cli
