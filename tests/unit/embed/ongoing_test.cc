#include "embed/ongoing.h"

#include <gtest/gtest.h>

#include <string>

namespace walrus::embed {
namespace {

struct Ended {
  Ongoing ongoing;
  std::string seen;
  void note(char name) {
    ongoing.when_ended([this, name] { seen += name; });
  }
};

TEST(Ongoing, WithNothingUnderWayNobodyWaits) {
  Ended it;
  it.note('a');
  EXPECT_EQ(it.seen, "a");
  it.ongoing.end(it.ongoing.begin());
  it.note('b');
  EXPECT_EQ(it.seen, "ab");
}

TEST(Ongoing, WhatBeginsLaterKeepsNobodyWaiting) {
  Ended it;
  Ongoing::Mark under_way = it.ongoing.begin();
  it.note('a');
  for (int i = 0; i < 5; ++i) {  // there is always something under way
    const Ongoing::Mark next = it.ongoing.begin();
    it.ongoing.end(under_way);
    under_way = next;
    EXPECT_EQ(it.seen, "a") << i;
  }
}

TEST(Ongoing, AllThatHadBegunIsWaitedForInWhateverOrderItEnds) {
  Ended it;
  const auto first = it.ongoing.begin();
  const auto second = it.ongoing.begin();
  it.note('a');
  it.note('b');
  const auto third = it.ongoing.begin();
  it.note('c');
  it.ongoing.end(third);
  it.ongoing.end(second);
  EXPECT_EQ(it.seen, "");
  it.ongoing.end(first);
  EXPECT_EQ(it.seen, "abc");
}

TEST(Ongoing, ATaskMayBeginAndWaitAnew) {
  Ended it;
  const auto first = it.ongoing.begin();
  Ongoing::Mark second = 0;
  it.ongoing.when_ended([&] {
    second = it.ongoing.begin();
    it.note('b');
    it.seen += 'a';
  });
  it.ongoing.end(first);
  EXPECT_EQ(it.seen, "a");
  it.ongoing.end(second);
  EXPECT_EQ(it.seen, "ab");
}

}  // namespace
}  // namespace walrus::embed
