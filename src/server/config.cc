#include "server/config.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>

#include "server/config_file.h"
#include "server/setting.h"

namespace walrus::server {
namespace {

constexpr const char* kConfigVariable = "WALRUS_CONFIG";

/// The values of one setting and where they come from.
struct Given {
  std::vector<std::string> values;
  std::string source;  // for the error
};
using GivenSettings = std::map<std::string, Given>;

struct CommandLine {
  GivenSettings flags;
  std::optional<std::string> config_file;
  std::optional<Information> information;
};

/// What CLI11 makes of the arguments, as text: values are checked later, in the same way for all sources.
Result<CommandLine> parse_arguments(std::vector<std::string> arguments) {
  CommandLine line;
  CLI::App app(
      "walrusd: one node of a durable, replicated message log\n"
      "Each flag is also a line of the file (without the dashes in front), and an environment variable\n"
      "(WALRUS_CLIENT_PORT for --client-port). The flag wins over the environment, that over the file.");
  app.name("walrusd");
  app.set_version_flag("--version", "walrusd " WALRUS_VERSION);
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, CLI::Option*> options;
  for (const Setting& setting : settings()) {
    const std::string flag = "--" + setting.name;
    const std::string help = fmt::format("{} [{}]", setting.help, setting.variable);
    if (setting.value.empty()) {
      options[setting.name] = app.add_flag(flag, help);
      continue;
    }
    options[setting.name] =
        app.add_option(flag, values[setting.name], help)
            ->type_name(setting.value)
            ->default_str(setting.default_text)
            ->expected(1)
            ->allow_extra_args(false)
            ->multi_option_policy(setting.many ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::Throw);
  }
  std::string config_file;
  CLI::Option* config = app.add_option("--config", config_file, "a TOML file with settings")->type_name("FILE");
  try {
    std::ranges::reverse(arguments);  // as CLI11 wants a vector
    app.parse(std::move(arguments));
  } catch (const CLI::Success& asked) {
    std::ostringstream text;
    app.exit(asked, text, text);
    line.information = Information{text.str()};
    return line;
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::kInvalidArgument, error.what());
  }
  for (const auto& [name, option] : options) {
    if (option->count() == 0) continue;
    const bool is_switch = option->get_expected_max() == 0;
    line.flags[name] = {is_switch ? std::vector<std::string>{"true"} : values[name], "--" + name};
  }
  if (config->count() > 0) line.config_file = config_file;
  return line;
}

GivenSettings read_environment(const Environment& environment) {
  GivenSettings given;
  for (const Setting& setting : settings()) {
    auto value = environment(setting.variable);
    if (!value) continue;
    std::vector<std::string> values;
    if (setting.many) {
      std::istringstream parts(*value);
      for (std::string part; std::getline(parts, part, ',');) values.push_back(part);
    } else {
      values.push_back(std::move(*value));
    }
    given[setting.name] = {std::move(values), setting.variable};
  }
  return given;
}

Result<GivenSettings> read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(ErrorCode::kInvalidArgument, fmt::format("--config {}: cannot be read", path));
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  auto lines = parse_config_file(text);
  if (!lines) return fail(ErrorCode::kInvalidArgument, path + " " + lines.error().detail);
  GivenSettings given;
  for (ConfigLine& line : *lines) {
    const std::string source = fmt::format("{} line {}: {}", path, line.number, line.name);
    const auto setting = std::ranges::find(settings(), line.name, &Setting::name);
    if (setting == settings().end()) return fail(ErrorCode::kInvalidArgument, source + ": no such setting");
    if (given.contains(line.name)) return fail(ErrorCode::kInvalidArgument, source + ": given twice");
    if (line.values.size() != 1 && !setting->many) {
      return fail(ErrorCode::kInvalidArgument, source + ": takes one value");
    }
    given[line.name] = {std::move(line.values), source};
  }
  return given;
}

}  // namespace

std::string Config::node_directory() const { return fmt::format("{}/node_{}", data_dir, node_id); }

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

Result<std::variant<Config, Information>> read_config(const std::vector<std::string>& arguments,
                                                      const Environment& environment) {
  WALRUS_ASSIGN(CommandLine line, parse_arguments(arguments));
  if (line.information) return std::move(*line.information);
  if (!line.config_file) line.config_file = environment(kConfigVariable);
  GivenSettings file;
  if (line.config_file) {
    WALRUS_ASSIGN(file, read_file(*line.config_file));
  }
  const GivenSettings variables = read_environment(environment);
  Config config;
  config.shards = default_shards();
  for (const Setting& setting : settings()) {
    // Precedence; the values of different sources are not mixed.
    for (const GivenSettings* source : {&std::as_const(line.flags), &variables, &std::as_const(file)}) {
      const auto given = source->find(setting.name);
      if (given == source->end()) continue;
      for (const std::string& value : given->second.values) {
        const Status assigned = setting.assign(config, value);
        if (!assigned) {
          return fail(ErrorCode::kInvalidArgument, given->second.source + ": " + assigned.error().detail);
        }
      }
      break;
    }
  }
  const bool every_address = config.advertised_host() == "0.0.0.0" || config.advertised_host() == "::";
  if (every_address) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--raft-host {}: no other node can connect to that; say how to reach this one with "
                            "--raft-advertise-host",
                            config.advertised_host()));
  }
  return config;
}

}  // namespace walrus::server
