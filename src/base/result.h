// Errors as values. Every fallible function returns Result<T> or Status; no exception leaves a room.
#pragma once

#include <expected>

#include "base/error.h"

namespace walrus {

template <class T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

/// Shorthand for the failing return: `return fail(ErrorCode::kIo, "rename: ...")`.
inline std::unexpected<Error> fail(ErrorCode code, std::string detail = {}) {
  return std::unexpected<Error>(Error{code, std::move(detail)});
}

inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace walrus

/// Returns from the enclosing function when `expr` (a Result or Status) failed.
#define WALRUS_TRY(expr)                                         \
  do {                                                           \
    if (auto walrus_try_result_ = (expr); !walrus_try_result_) { \
      return ::walrus::fail(walrus_try_result_.error());         \
    }                                                            \
  } while (false)

#define WALRUS_CONCAT_INNER_(a, b) a##b
#define WALRUS_CONCAT_(a, b) WALRUS_CONCAT_INNER_(a, b)

/// `WALRUS_ASSIGN(auto file, disk.open(path));` declares or assigns the value, or returns the error.
#define WALRUS_ASSIGN(lhs, expr) WALRUS_ASSIGN_IMPL_(WALRUS_CONCAT_(walrus_assign_, __LINE__), lhs, expr)
#define WALRUS_ASSIGN_IMPL_(tmp, lhs, expr)     \
  auto tmp = (expr);                            \
  if (!tmp) return ::walrus::fail(tmp.error()); \
  lhs = std::move(*tmp)
