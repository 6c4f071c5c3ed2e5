// The table of walrusd's settings: name, default, meaning, and how its text becomes a value. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/config.h"

namespace walrus::server {

struct Setting {
  std::string name;      ///< "client-port": flag --client-port, and the key in the file
  std::string variable;  ///< "WALRUS_CLIENT_PORT"
  std::string value;     ///< what kind of value, for the help: "PORT"; empty: a switch
  std::string default_text;
  std::string help;
  /// Reads one value into the configuration; the error says what it should have been.
  std::function<Status(Config& config, const std::string& text)> assign;
  bool many = false;  ///< may be given more than once
};

const std::vector<Setting>& settings();

/// Cores of the machine, at most limits::kMaxShards.
std::uint32_t default_shards();

}  // namespace walrus::server
