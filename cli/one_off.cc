#include "cli/one_off.h"

#include <fmt/core.h>

#include <cerrno>
#include <system_error>
#include <unistd.h>

#include "cli/console.h"
#include "client/answer.h"

namespace walrus::cli {

client::Result<std::string> ask(client::Connection& connection, const std::string& request) {
  const auto reply = connection.call(request);
  if (!reply) return std::unexpected(reply.error());
  if (reply->kind == client::Reply::Kind::kError) return std::unexpected(client::server_error(*reply));
  return std::string(reply->payload);
}

ExitStatus print_text(std::string_view text) {
  if (write_stdout(text)) return ExitStatus::kOk;
  print_error("cannot write to stdout: " + std::generic_category().message(errno));
  return ExitStatus::kRefused;
}

ExitStatus print_answer(std::string answer) { return print_text(answer += '\n'); }

client::Result<std::string> read_stdin(std::size_t limit) {
  std::string bytes;
  char buffer[65536];
  while (bytes.size() <= limit) {
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return std::unexpected(client::Error{.kind = client::ErrorKind::kInvalidRequest,
                                           .text = "cannot read stdin: " + std::generic_category().message(errno)});
    }
    if (got == 0) break;
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
  return bytes;
}

ExitStatus run_register(client::Connection& connection, const std::string& topic) {
  const auto done = connection.register_topic(topic);
  return done ? print_answer("OK") : report(done.error(), RequestKind::kOther, topic);
}

ExitStatus run_put(client::Connection& connection, const std::string& topic, const std::string& payload) {
  const std::size_t limit = connection.max_payload_bytes(topic);
  const auto bytes = payload == "-" ? read_stdin(limit) : payload;
  if (!bytes) return report(bytes.error(), RequestKind::kWrite, topic);
  if (bytes->size() > limit) {
    print_error(fmt::format("the record is longer than the {} bytes that fit a frame (--max-frame-bytes)", limit));
    return ExitStatus::kUsage;
  }
  const auto done = connection.put(topic, *bytes);
  return done ? print_answer("OK") : report(done.error(), RequestKind::kWrite, topic);
}

ExitStatus run_get(client::Connection& connection, const std::string& topic) {
  auto record = connection.get(topic);
  if (!record) return report(record.error(), RequestKind::kRead, topic);
  return print_answer(*record ? std::move(**record) : "EMPTY");
}

ExitStatus run_state(client::Connection& connection, const std::string& topic) {
  auto state = connection.state(topic);
  return state ? print_answer(std::move(*state)) : report(state.error(), RequestKind::kOther, topic);
}

ExitStatus run_metrics(client::Connection& connection) {
  auto metrics = connection.metrics();
  return metrics ? print_answer(std::move(*metrics)) : report(metrics.error(), RequestKind::kOther, {});
}

}  // namespace walrus::cli
