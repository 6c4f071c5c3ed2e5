// The configuration file: the flat part of TOML (https://toml.io), one setting a line.
//
//     # a comment
//     node-id = 3
//     data-dir = "/var/lib/walrus"      # or 'literal'
//     join = ["host1:6000", "host2:6000"]
//     disable-io-uring = true
//
// No tables, no multi-line values. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace walrus::server {

struct ConfigLine {
  std::size_t number = 0;  ///< from 1
  std::string name;
  std::vector<std::string> values;  ///< one, or those of an array
};

/// kInvalidArgument names the line that is not understood.
Result<std::vector<ConfigLine>> parse_config_file(std::string_view text);

}  // namespace walrus::server
