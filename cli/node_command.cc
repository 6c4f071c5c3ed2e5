#include "cli/node_command.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <vector>

#include "cli/console.h"
#include "cli/one_off.h"
#include "cli/table.h"

namespace walrus::cli {
namespace {

using Json = nlohmann::json;

std::string state_of(const Json& node) {
  auto state = node.value("state", std::string("?"));
  if (!node.value("draining", false)) return state;
  const bool drained = node.value("replicas_held", 0) == 0 && node.value("segments_led", 0) == 0;
  return state + (drained ? ", drained" : ", draining");
}

TableRow row_of(const Json& node) {
  const auto number = [&node](const char* name) { return fmt::format("{}", node.value(name, std::uint64_t{0})); };
  return {number("node_id"),
          node.value("client_address", std::string()),
          state_of(node),
          node.value("voter", false) ? "yes" : "no",
          number("segments_led"),
          number("replicas_held"),
          number("sealed_records_held"),
          number("sealed_bytes_held")};
}

ExitStatus done_or_report(const client::Result<void>& done) {
  return done ? print_text("OK\n") : report(done.error(), RequestKind::kOther, {});
}

}  // namespace

std::string node_table(const std::string& json) {
  const Json nodes = Json::parse(json, nullptr, false);
  if (!nodes.is_array()) return json + "\n";
  std::vector<TableRow> rows{{"NODE", "ADDRESS", "STATE", "VOTES", "LEADS", "REPLICAS", "RECORDS", "BYTES"}};
  for (const Json& node : nodes) {
    if (!node.is_object()) return json + "\n";
    rows.push_back(row_of(node));
  }
  return table_text(rows);
}

ExitStatus run_node(client::Connection& connection, const NodeOptions& options) {
  switch (options.action) {
    case NodeOptions::Action::kList: {
      const auto nodes = connection.nodes();
      if (!nodes) return report(nodes.error(), RequestKind::kOther, {});
      return print_text(options.json ? *nodes + "\n" : node_table(*nodes));
    }
    case NodeOptions::Action::kDrain:
      return done_or_report(connection.drain_node(options.node, options.cancel));
    case NodeOptions::Action::kRemove:
      return done_or_report(connection.remove_node(options.node, options.lose_data));
  }
  return ExitStatus::kUsage;
}

}  // namespace walrus::cli
