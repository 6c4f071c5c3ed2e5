#include "cli/shell.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <unistd.h>
#include <utility>

#include "cli/console.h"
#include "cli/line_editor.h"
#include "cli/shell_line.h"

namespace walrus::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::size_t kMaxRememberedTopics = 1'000;
constexpr auto kNamesAge = std::chrono::seconds(2);

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

  /// What the tab key does with this line. Names are asked for afresh now and then; without an answer the old ones do.
  Completion complete_line(std::string_view line) {
    if (const auto now = Clock::now(); now - asked_ > kNamesAge) {
      asked_ = now;
      learn_topics();
      groups_topic_.clear();
    }
    const std::string topic = topic_of_groups(line);
    if (!topic.empty() && std::exchange(groups_topic_, topic) != topic) learn_groups();
    return complete(line, topics_, groups_);
  }
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

  void learn_topics() {
    const auto page = json_of(connection_.call("TOPICS"));
    for (const auto& topic : page.is_object() ? page.value("topics", Json::array()) : Json::array()) {
      if (topics_.size() < kMaxRememberedTopics) topics_.insert(topic.value("topic", std::string()));
    }
  }

  void learn_groups() {
    groups_.clear();
    const auto list = json_of(connection_.call("CURSORS " + groups_topic_));
    for (const auto& group : list.is_array() ? list : Json::array())
      groups_.insert(group.value("group", std::string()));
  }

  static Json json_of(const client::Result<client::Reply>& reply) {
    if (!reply || reply->kind != client::Reply::Kind::kPayload) return {};
    Json json = Json::parse(reply->payload, nullptr, false);
    return json.is_discarded() ? Json() : json;
  }

  void note(ExitStatus failure) {
    if (first_failure_ == ExitStatus::kOk) first_failure_ = failure;
  }

  client::Connection& connection_;
  bool raw_output_;
  std::set<std::string> topics_;
  std::set<std::string> groups_;  // of groups_topic_
  std::string groups_topic_;
  Clock::time_point asked_{};
  ExitStatus first_failure_ = ExitStatus::kOk;
};

std::filesystem::path history_file() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return std::filesystem::path(home) / ".walrus_history";
}

void run_on_terminal(Shell& shell) {
  LineEditor editor("🦭 > ", history_file(), [&](std::string_view line) { return shell.complete_line(line); });
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
