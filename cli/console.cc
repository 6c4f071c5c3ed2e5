#include "cli/console.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace walrus::cli {
namespace {

bool colour_on_stderr() {
  const char* terminal = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

void print_line(std::string_view line) {
  if (colour_on_stderr()) {
    fmt::print(stderr, "\x1b[31m{}\x1b[0m\n", line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
}

std::string advice_for(const client::Error& error, RequestKind kind, std::string_view topic) {
  if (error.text.starts_with("topic not found")) {
    return kind == RequestKind::kOther ? "The topics that there are: walrus-cli topic list"
                                       : fmt::format("Create it with: walrus-cli register {}", topic);
  }
  if (client::is_transient(error.text)) {
    if (topic.empty()) return "The cluster is not ready for this yet. Try again in a moment.";
    return fmt::format(
        "The cluster is not ready for this yet. Try again in a moment. If it stays so: walrus-cli topic describe {}, "
        "walrus-cli node list; where disks are gone for good, walrus-cli topic recover.",
        topic);
  }
  if (kind == RequestKind::kWrite && error.text.starts_with("outcome unknown")) {
    return fmt::format("Look before you repeat it: walrus-cli state {}", topic);
  }
  return {};
}

std::string unknown_outcome(RequestKind kind, std::string_view topic) {
  switch (kind) {
    case RequestKind::kWrite:
      return fmt::format("The record may or may not be stored. Look before you repeat it: walrus-cli state {}", topic);
    case RequestKind::kRead:
      return "A record may have been taken from the topic without reaching you.";
    case RequestKind::kOther:
      break;
  }
  return "The request may or may not have been carried out.";
}

}  // namespace

void print_error(std::string_view message) { print_line(fmt::format("walrus-cli: {}", message)); }

std::string explain(const client::Error& error, RequestKind kind, std::string_view topic) {
  const bool from_server = error.kind == client::ErrorKind::kServer || error.text.starts_with("outcome unknown");
  if (from_server) {
    const std::string advice = advice_for(error, kind, topic);
    return "ERR " + error.text + (advice.empty() ? "" : "\n" + advice);
  }
  std::string text = "walrus-cli: " + error.text + ".";
  switch (error.kind) {
    case client::ErrorKind::kCannotConnect:
      return text + " Is walrusd running there, with this as its client port? A local cluster: ./dev run.";
    case client::ErrorKind::kNotSent:
      return text + " Nothing was carried out; try again.";
    case client::ErrorKind::kOutcomeUnknown:
      return text + "\n" + unknown_outcome(kind, topic);
    case client::ErrorKind::kProtocol:
      return text + " Is this the client port of a Walrus node?";
    case client::ErrorKind::kInvalidRequest:
    case client::ErrorKind::kServer:
    case client::ErrorKind::kOverloaded:
    case client::ErrorKind::kClosed:
    case client::ErrorKind::kFenced:
      break;
  }
  return text;
}

ExitStatus exit_status_of(const client::Error& error) {
  switch (error.kind) {
    case client::ErrorKind::kInvalidRequest:
      return ExitStatus::kUsage;
    case client::ErrorKind::kCannotConnect:
    case client::ErrorKind::kNotSent:
    case client::ErrorKind::kProtocol:
      return ExitStatus::kUnreachable;
    case client::ErrorKind::kOutcomeUnknown:
      return ExitStatus::kOutcomeUnknown;
    case client::ErrorKind::kServer:
    case client::ErrorKind::kOverloaded:
    case client::ErrorKind::kClosed:
    case client::ErrorKind::kFenced:
      break;
  }
  return ExitStatus::kRefused;
}

ExitStatus report(const client::Error& error, RequestKind kind, std::string_view topic) {
  print_line(explain(error, kind, topic));
  return exit_status_of(error);
}

bool write_stdout(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string printable(std::string_view bytes) {
  std::string shown;
  shown.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace walrus::cli
