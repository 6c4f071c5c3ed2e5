// The one-off commands: one request, its answer alone on stdout, everything else on stderr.
#pragma once

#include <string>

#include "cli/exit_status.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

ExitStatus run_register(client::Connection& connection, const std::string& topic);
/// "-" as payload stands for all of stdin.
ExitStatus run_put(client::Connection& connection, const std::string& topic, const std::string& payload);
ExitStatus run_get(client::Connection& connection, const std::string& topic);
ExitStatus run_state(client::Connection& connection, const std::string& topic);
ExitStatus run_metrics(client::Connection& connection);

}  // namespace walrus::cli
