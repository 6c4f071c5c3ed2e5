// stderr and stdout as a person or a script sees them: errors in a form that says what happened, where, and what to do;
// colour only on a terminal that wants it (NO_COLOR and TERM=dumb are honoured). Main thread.
#pragma once

#include <string>
#include <string_view>

#include "cli/exit_status.h"
#include "walrus/client/result.h"

namespace walrus::cli {

/// "walrus-cli: <message>" on stderr.
void print_error(std::string_view message);

/// What the request was, for the advice that an error ends with.
enum class RequestKind { kWrite, kRead, kOther };

/// The error as one or two lines for stderr. An ERR of the server stands first on its own line, as it came.
std::string explain(const client::Error& error, RequestKind kind, std::string_view topic);
ExitStatus exit_status_of(const client::Error& error);

/// Prints explain() and returns the exit status.
ExitStatus report(const client::Error& error, RequestKind kind, std::string_view topic);

/// Writes all of `bytes` to stdout, past stdio. False when it cannot be written (a closed pipe, a full disk): errno
/// says why.
bool write_stdout(std::string_view bytes);

/// `bytes` with control characters other than newline and tab as \xNN: what a stranger stored must not drive a
/// terminal.
std::string printable(std::string_view bytes);

}  // namespace walrus::cli
