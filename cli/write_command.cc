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
  using client::ErrorKind;
  const auto refuse = [&](ErrorKind kind, std::string text) {
    return report({.kind = kind, .text = std::move(text)}, RequestKind::kWrite, topic);
  };
  // With a blank in it the name would be another one.
  if (!protocol::valid_topic_name(topic)) return refuse(ErrorKind::kInvalidRequest, "invalid topic name");
  std::string request = head_of(options, topic);
  if (options.action != WriteOptions::Action::kFence) {
    const auto bytes = payload == "-" ? read_stdin(connection.max_payload_bytes(topic)) : payload;
    if (!bytes) return report(bytes.error(), RequestKind::kWrite, topic);
    request.append(" ").append(*bytes);
  }
  const auto reply = connection.call(request);
  if (!reply) return report(reply.error(), RequestKind::kWrite, topic);
  if (reply->kind == client::Reply::Kind::kError) return refuse(ErrorKind::kServer, std::string(reply->payload));
  return print_answer(std::string(reply->payload));
}

}  // namespace walrus::cli
