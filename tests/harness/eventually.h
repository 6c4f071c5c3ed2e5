// Waiting for something that happens in another process: ask again and again until it is so or the time is up. Never a
// fixed sleep in place of a condition.
#pragma once

#include <chrono>
#include <concepts>
#include <thread>

namespace walrus::test {

using namespace std::chrono_literals;

/// What a healthy but busy machine never needs: every wait without a bound of its own.
inline constexpr auto kPatience = 60s;

/// True as soon as `condition` is; false when it was not within `timeout`.
template <std::predicate Condition>
bool eventually(Condition condition, std::chrono::steady_clock::duration timeout = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

}  // namespace walrus::test
