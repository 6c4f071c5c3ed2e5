#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace walrus {

void fatal(ExitCode code, std::string_view reason) {
  log::error("fatal: {}", reason);
  log::flush();
  std::_Exit(static_cast<int>(code));
}

void assert_failed(const char* expression, const char* file, int line, std::string_view note) {
  log::error("assertion failed: {} at {}:{} {}", expression, file, line, note);
  log::flush();
  std::abort();
}

}  // namespace walrus
