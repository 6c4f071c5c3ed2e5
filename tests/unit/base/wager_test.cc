#include "base/wager.h"

#include <gtest/gtest.h>

namespace walrus {
namespace {

/// How often it was said to be worth it, in `chances`, when it always ends like this.
int tries(Wager& wager, int chances, bool pays) {
  int tried = 0;
  for (int i = 0; i < chances; ++i) {
    if (!wager.worth_it()) continue;
    ++tried;
    pays ? wager.won() : wager.lost();
  }
  return tried;
}

TEST(Wager, WhatPaysOffIsAlwaysDoneAgain) {
  Wager wager;
  EXPECT_EQ(tries(wager, 1000, true), 1000);
}

TEST(Wager, WhatNeverPaysOffIsTriedRarerAndRarer) {
  Wager wager;
  const int first = tries(wager, 10'000, false);
  const int later = tries(wager, 10'000, false);
  EXPECT_LT(first, 20);
  EXPECT_GE(later, 1);  // it may have changed
  EXPECT_LE(later, 3);
}

TEST(Wager, IsTakenUpAgainSoonWhenItPaysOffAgain) {
  Wager wager;
  tries(wager, 10'000, false);
  EXPECT_GT(tries(wager, 20'000, true), 15'000);
}

TEST(Wager, AnExceptionNowAndThenIsForgiven) {
  Wager wager;
  int tried = 0;
  for (int i = 1; i <= 1000; ++i) {
    if (!wager.worth_it()) continue;
    ++tried;
    i % 20 == 0 ? wager.lost() : wager.won();
  }
  EXPECT_EQ(tried, 1000);
}

}  // namespace
}  // namespace walrus
