// The engine's errors as the embedding program sees them: one table, from the many codes of a cluster to the few of a
// library. Pure; any thread.
#pragma once

#include <utility>

#include "base/result.h"
#include "walrus/result.h"

namespace walrus::embed {

store::Error to_public(Error error);

template <class T>
store::Result<T> to_public(Result<T> result) {
  if (!result) return std::unexpected(to_public(std::move(result).error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(result);
  }
}

}  // namespace walrus::embed
