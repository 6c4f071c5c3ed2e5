#include "cli/topic_command.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <unistd.h>

#include "cli/console.h"
#include "cli/one_off.h"
#include "cli/table.h"

namespace walrus::cli {
namespace {

using Json = nlohmann::json;

std::string cell(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

TableRow row_of(const Json& object, std::initializer_list<const char*> fields) {
  TableRow row;
  for (const char* field : fields) row.push_back(cell(object.value(field, Json())));
  return row;
}

ExitStatus list(client::Connection& connection, bool as_json) {
  std::vector<TableRow> rows{{"TOPIC", "SEGMENTS", "REPLICAS", "LEADER", "START", "SEALED UP TO", "SEALED BYTES"}};
  auto all = Json::array();
  std::string after;
  for (bool more = true; more;) {
    const auto answer = ask(connection, after.empty() ? "TOPICS" : "TOPICS after=" + after);
    if (!answer) return report(answer.error(), RequestKind::kOther, {});
    const Json page = Json::parse(*answer, nullptr, false);
    const Json topics = page.is_object() ? page.value("topics", Json::array()) : Json::array();
    for (const Json& topic : topics) {
      rows.push_back(row_of(topic, {"topic", "segments", "replicas", "leader_node", "start_offset", "sealed_end_offset",
                                    "sealed_bytes"}));
      all.push_back(topic);
    }
    more = !topics.empty() && page.value("more", false);
    if (more) after = topics.back().value("topic", std::string());
  }
  return print_text(as_json ? all.dump() + "\n" : table_text(rows));
}

ExitStatus describe(client::Connection& connection, const TopicCommandOptions& options) {
  const auto answer = ask(connection, "DESCRIBE " + options.topic);
  if (!answer) return report(answer.error(), RequestKind::kOther, options.topic);
  return print_text(options.json ? *answer + "\n" : topic_description(*answer));
}

/// A person at the keyboard has to say the name again; a program has to say --yes.
bool is_meant(const TopicCommandOptions& options) {
  if (options.yes) return true;
  if (::isatty(STDIN_FILENO) == 0) return false;
  std::cerr << "This deletes every record of '" << options.topic << "', for good. Type its name to go on: ";
  std::string typed;
  return std::getline(std::cin, typed) && typed == options.topic;
}

ExitStatus change(client::Connection& connection, const std::string& request, const std::string& topic) {
  const auto answer = ask(connection, request);
  if (!answer) return report(answer.error(), RequestKind::kOther, topic);
  return print_text(answer->empty() ? "OK\n" : *answer + "\n");
}

}  // namespace

std::string topic_description(const std::string& json) {
  const Json topic = Json::parse(json, nullptr, false);
  if (!topic.is_object() || !topic.contains("segments") || !topic.contains("options")) return json + "\n";
  std::string text =
      fmt::format("{} (id {})\n", cell(topic.value("topic", Json())), cell(topic.value("topic_id", Json())));
  for (const auto& [name, value] : topic["options"].items()) text += fmt::format("  {:<18} {}\n", name, cell(value));
  text += fmt::format("  {:<18} {}\n  {:<18} {}\n\n", "start_offset", cell(topic.value("start_offset", Json())),
                      "committed_cursor", cell(topic.value("committed_cursor", Json())));
  std::vector<TableRow> rows{{"SEGMENT", "STATE", "FROM", "TO", "LEADER", "REPLICAS", "EPOCH", "BYTES"}};
  for (const Json& segment : topic["segments"]) {
    rows.push_back(row_of(
        segment, {"segment_id", "state", "base_offset", "end_offset", "leader_node", "replicas", "epoch", "bytes"}));
  }
  return text + table_text(rows);
}

ExitStatus run_topic(client::Connection& connection, const TopicCommandOptions& options) {
  for (const std::string& option : options.options) {
    if (option.contains('=')) continue;
    print_error(fmt::format("the option '{}' is not NAME=VALUE", option));
    return ExitStatus::kUsage;
  }
  using Action = TopicCommandOptions::Action;
  const std::string words =
      fmt::format("{}{}{}", options.topic, options.options.empty() ? "" : " ", fmt::join(options.options, " "));
  switch (options.action) {
    case Action::kList:
      return list(connection, options.json);
    case Action::kDescribe:
      return describe(connection, options);
    case Action::kCreate:
      return change(connection, "REGISTER " + words, options.topic);
    case Action::kAlter:
      return change(connection, "ALTER " + words, options.topic);
    case Action::kTrim:
      return change(connection, fmt::format("TRIM {} {}", options.topic, options.before), options.topic);
    case Action::kRecover:
      return change(connection, fmt::format("RECOVER {} lose-data", options.topic), options.topic);
    case Action::kDelete:
      if (is_meant(options)) return change(connection, "DELETE " + options.topic, options.topic);
      print_error("nothing was deleted: say --yes when it is meant");
      return ExitStatus::kUsage;
  }
  return ExitStatus::kUsage;
}

}  // namespace walrus::cli
