// WALRUS_ASSERT: always on, a failure is a bug of ours and ends the process with a core (SIGABRT).
// fatal(): the environment makes going on unsafe (a failed Raft write, a damaged identity); one line on stderr and in
// the log, then exit with a status of its own. Both may be called from any thread.
#pragma once

#include <string_view>

namespace walrus {

/// Exit statuses of the programs; documented in docs/operations.md.
enum class ExitCode : int {
  kUsage = 2,        ///< bad flag, environment value or configuration file
  kEnvironment = 3,  ///< port in use, directory not writable, locked directory
  kIdentity = 4,     ///< refused by the cluster: foreign, copied or wiped data directory
  kStorage = 5,      ///< a write or sync that durability depends on failed
  kCorrupt = 6,      ///< damage that must be looked at by a person
};

[[noreturn]] void fatal(ExitCode code, std::string_view reason);

[[noreturn]] void assert_failed(const char* expression, const char* file, int line, std::string_view note = {});

}  // namespace walrus

#define WALRUS_ASSERT(expression, ...) \
  (static_cast<bool>(expression)       \
       ? static_cast<void>(0)          \
       : ::walrus::assert_failed(#expression, __FILE__, __LINE__ __VA_OPT__(, ) __VA_ARGS__))
