#include "cli/group_command.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/table.h"

namespace walrus::cli {
namespace {

using Json = nlohmann::ordered_json;

ExitStatus print(const std::string& text) {
  if (write_stdout(text)) return ExitStatus::kOk;
  print_error("cannot write to stdout");
  return ExitStatus::kRefused;
}

client::Result<std::string> ask(client::Connection& connection, const std::string& request) {
  const auto reply = connection.call(request);
  if (!reply) return std::unexpected(reply.error());
  if (reply->kind == client::Reply::Kind::kError) {
    return std::unexpected(client::Error{.kind = client::ErrorKind::kServer, .text = std::string(reply->payload)});
  }
  return std::string(reply->payload);
}

ExitStatus show(const std::string& json, const GroupCommandOptions& options) {
  if (!options.json) return print(group_table(json, options.group));
  if (options.group.empty()) return print(json + "\n");
  const Json groups = Json::parse(json, nullptr, false);
  for (const Json& group : groups.is_array() ? groups : Json::array()) {
    if (group.value("group", std::string()) == options.group) return print(group.dump() + "\n");
  }
  return print("null\n");
}

}  // namespace

std::string group_table(const std::string& json, const std::string& only) {
  const Json groups = Json::parse(json, nullptr, false);
  if (!groups.is_array()) return json + "\n";
  std::vector<TableRow> rows{{"GROUP", "OFFSET", "COMMITTED", "END", "LAG"}};
  for (const Json& group : groups) {
    if (!group.is_object()) return json + "\n";
    const std::string name = group.value("group", std::string());
    if (!only.empty() && name != only) continue;
    TableRow row{name};
    for (const char* field : {"offset", "committed", "end", "lag"}) {
      row.push_back(fmt::format("{}", group.value(field, std::uint64_t{0})));
    }
    rows.push_back(std::move(row));
  }
  return table_text(rows);
}

ExitStatus run_group(client::Connection& connection, const GroupCommandOptions& options) {
  using Action = GroupCommandOptions::Action;
  const std::string names = options.topic + " " + options.group;
  std::string request = "CURSORS " + options.topic;
  if (options.action == Action::kSeek) request = fmt::format("SEEK {} {}", names, options.place);
  if (options.action == Action::kDelete) request = "FORGET " + names;
  const auto answer = ask(connection, request);
  if (!answer) return report(answer.error(), RequestKind::kOther, options.topic);
  const bool shows = options.action == Action::kList || options.action == Action::kDescribe;
  if (shows) return show(*answer, options);
  return print(answer->empty() ? "OK\n" : *answer + "\n");
}

}  // namespace walrus::cli
