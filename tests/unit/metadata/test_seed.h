// Every random test takes its seed from WALRUS_TEST_SEED, or from the machine, and leaves it in the report.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace walrus::metadata::test {

inline std::uint64_t test_seed() {
  const char* given = std::getenv("WALRUS_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  testing::Test::RecordProperty("seed", fmt::format("{}", seed));
  fmt::print("seed {}\n", seed);  // before anything can crash
  std::fflush(stdout);
  return seed;
}

}  // namespace walrus::metadata::test
