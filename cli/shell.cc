#include "cli/shell.h"

#include <fmt/core.h>

#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <unistd.h>

#include "cli/console.h"
#include "cli/line_editor.h"
#include "cli/shell_line.h"

namespace walrus::cli {
namespace {

constexpr std::size_t kMaxRememberedTopics = 1'000;

class Shell {
 public:
  explicit Shell(client::Connection& connection) : connection_(connection), raw_output_(::isatty(STDOUT_FILENO) == 0) {}

  /// False when the line asks to leave.
  bool run_line(std::string_view line) {
    const ShellLine parsed = parse_shell_line(line);
    switch (parsed.kind) {
      case ShellLine::Kind::kEmpty:
        return true;
      case ShellLine::Kind::kExit:
        return false;
      case ShellLine::Kind::kHelp:
        write_stdout(shell_help());
        return true;
      case ShellLine::Kind::kRequest:
        return ask(parsed);
    }
    return true;
  }

  const std::set<std::string>& topics() const { return topics_; }
  ExitStatus first_failure() const { return first_failure_; }

 private:
  bool ask(const ShellLine& line) {
    const auto reply = connection_.call(line.request);
    if (!reply) {
      const auto kind = line.request.starts_with("PUT ")   ? RequestKind::kWrite
                        : line.request.starts_with("GET ") ? RequestKind::kRead
                                                           : RequestKind::kOther;
      note(report(reply.error(), kind, line.topic));
      return true;
    }
    const bool refused = reply->kind == client::Reply::Kind::kError;
    if (refused) note(ExitStatus::kRefused);
    if (!refused && !line.topic.empty() && topics_.size() < kMaxRememberedTopics) topics_.insert(line.topic);
    std::string shown = raw_output_ ? std::string(reply->text) : printable(reply->text);
    shown += '\n';
    return write_stdout(shown);
  }

  void note(ExitStatus failure) {
    if (first_failure_ == ExitStatus::kOk) first_failure_ = failure;
  }

  client::Connection& connection_;
  bool raw_output_;
  std::set<std::string> topics_;
  ExitStatus first_failure_ = ExitStatus::kOk;
};

std::filesystem::path history_file() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return std::filesystem::path(home) / ".walrus_history";
}

void run_on_terminal(Shell& shell) {
  LineEditor editor("🦭 > ", history_file(), [&](std::string_view line) { return complete(line, shell.topics()); });
  for (;;) {
    const auto line = editor.read_line();
    if (!line) {
      write_stdout("\n");
      return;
    }
    if (parse_shell_line(*line).kind != ShellLine::Kind::kEmpty) editor.remember(*line);
    if (!shell.run_line(*line)) return;
  }
}

}  // namespace

ExitStatus run_shell(client::Connection& connection) {
  Shell shell(connection);
  if (::isatty(STDIN_FILENO) == 1) {
    if (const auto connected = connection.connect(); !connected) {
      report(connected.error(), RequestKind::kOther, {});
    }
    run_on_terminal(shell);
    return ExitStatus::kOk;
  }
  std::string line;
  while (std::getline(std::cin, line) && shell.run_line(line)) {
  }
  return shell.first_failure();
}

}  // namespace walrus::cli
