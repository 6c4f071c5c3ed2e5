#include "cli/group_command.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/one_off.h"
#include "cli/table.h"

namespace walrus::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

ExitStatus describe(const std::string& json, const GroupCommandOptions& options) {
  const OrderedJson groups = OrderedJson::parse(json, nullptr, false);
  for (const OrderedJson& group : groups.is_array() ? groups : OrderedJson::array()) {
    if (!group.is_object() || group.value("group", std::string()) != options.group) continue;
    return print_text(options.json ? group.dump() + "\n" : group_table(json, options.group));
  }
  print_error(fmt::format("no group {} reads {}; all of them: walrus-cli group list {}", options.group, options.topic,
                          options.topic));
  return ExitStatus::kRefused;
}

ExitStatus show(const std::string& json, const GroupCommandOptions& options) {
  if (!options.group.empty()) return describe(json, options);
  return print_text(options.json ? json + "\n" : group_table(json));
}

}  // namespace

std::string group_table(const std::string& json, const std::string& only) {
  const OrderedJson groups = OrderedJson::parse(json, nullptr, false);
  if (!groups.is_array()) return json + "\n";
  std::vector<TableRow> rows{{"GROUP", "OFFSET", "COMMITTED", "END", "LAG"}};
  for (const OrderedJson& group : groups) {
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
  return print_text(answer->empty() ? "OK\n" : *answer + "\n");
}

}  // namespace walrus::cli
