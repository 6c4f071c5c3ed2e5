// The one-off commands: one request, its answer alone on stdout, everything else on stderr.
#pragma once

#include <string>
#include <string_view>

#include "cli/exit_status.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

/// The payload of the answer to a request as text, empty for a plain OK. ERR is an error here.
client::Result<std::string> ask(client::Connection& connection, const std::string& request);
/// As it is, on stdout.
ExitStatus print_text(std::string_view text);
/// The answer and a newline on stdout.
ExitStatus print_answer(std::string answer);
/// All of stdin, or as much of it as shows that it is longer than `limit`.
client::Result<std::string> read_stdin(std::size_t limit);

ExitStatus run_register(client::Connection& connection, const std::string& topic);
/// "-" as payload stands for all of stdin.
ExitStatus run_put(client::Connection& connection, const std::string& topic, const std::string& payload);
ExitStatus run_get(client::Connection& connection, const std::string& topic);
ExitStatus run_state(client::Connection& connection, const std::string& topic);
ExitStatus run_metrics(client::Connection& connection);

}  // namespace walrus::cli
