// What walrus-cli's exit status says to a script; docs/cli.md has the same table.
#pragma once

namespace walrus::cli {

enum class ExitStatus : int {
  kOk = 0,
  kRefused = 1,         ///< the server answered ERR, or part of the work was not done
  kUsage = 2,           ///< the command line or a record cannot be expressed
  kUnreachable = 3,     ///< no connection, or it broke before the request was sent: not carried out
  kOutcomeUnknown = 7,  ///< the request left and no answer came: carried out or not
  kInterrupted = 130,   ///< stopped by SIGINT or SIGTERM before the work was done
};

inline int value_of(ExitStatus status) { return static_cast<int>(status); }

}  // namespace walrus::cli
