#include "io/system_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace walrus::io {

Error system_error(int number, std::string_view operation, std::string_view path) {
  const ErrorCode code = [number] {
    switch (number) {
      case ENOSPC:
      case EDQUOT:
        return ErrorCode::kDiskFull;
      case ENOENT:
        return ErrorCode::kNotFound;
      case EEXIST:
        return ErrorCode::kExists;
      default:
        return ErrorCode::kIo;
    }
  }();
  return {code, fmt::format("{} {}: {}", operation, path, std::generic_category().message(number))};
}

}  // namespace walrus::io
