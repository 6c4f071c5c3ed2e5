// The shell of walrus-cli: a request per line, the server's reply below it, as it came. On a terminal it prompts,
// edits, completes and remembers; from a pipe or a file it only reads lines. Main thread.
#pragma once

#include "cli/exit_status.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

/// Until exit, quit, q, Ctrl-C, Ctrl-D or the end of stdin. From a terminal always kOk; otherwise the status of the
/// first request that failed, after all lines were carried out.
ExitStatus run_shell(client::Connection& connection);

}  // namespace walrus::cli
