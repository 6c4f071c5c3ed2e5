#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/budget/budget_file.h"
#include "tests/budget/counting.h"
#include "tests/budget/workload.h"

namespace walrus::budget {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(BudgetFile, WhatIsWrittenReadsTheSame) {
  const std::vector<Line> lines = {{"put", {.instructions = 1438, .allocations = 0.026, .system_calls = 0.06}},
                                   {"lone", {.instructions = 19193, .allocations = 12.421, .system_calls = {}}}};
  const auto parsed = parse_budget(format_budget(lines));
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ(parsed->at(0).workload, "put");
  EXPECT_EQ(parsed->at(0).costs.instructions, 1438);
  EXPECT_EQ(parsed->at(0).costs.system_calls, 0.06);
  EXPECT_EQ(parsed->at(1).costs.allocations, 12.421);
  EXPECT_EQ(parsed->at(1).costs.system_calls, std::nullopt);
}

TEST(BudgetFile, ATableThatIsNoneIsRefused) {
  EXPECT_FALSE(parse_budget("put 1 2\n"));
  EXPECT_FALSE(parse_budget("put 1 2 3 4\n"));
  EXPECT_FALSE(parse_budget("put one 2 3\n"));
  EXPECT_TRUE(parse_budget("# only words\n\n")->empty());
}

TEST(BudgetFile, OnlyWhatLiesBeyondTheMarginIsOver) {
  const Margin margin{.share = 0.05, .absolute = 1};
  EXPECT_EQ(judge(106, 100, margin), Verdict::kWithin);
  EXPECT_EQ(judge(106.1, 100, margin), Verdict::kOver);
  EXPECT_EQ(judge(94, 100, margin), Verdict::kWithin);
  EXPECT_EQ(judge(93.9, 100, margin), Verdict::kWellBelow);
}

TEST(BudgetFile, ALineMarksWhatIsOver) {
  const Costs allowed{.instructions = 1000, .allocations = 0.01, .system_calls = 0.06};
  bool over = false;
  EXPECT_THAT(report_line("put", {.instructions = 1010, .allocations = 0.01, .system_calls = {}}, &allowed, over),
              Not(HasSubstr("OVER")));
  EXPECT_FALSE(over);
  EXPECT_THAT(report_line("put", {.instructions = 1010, .allocations = 1.01, .system_calls = {}}, &allowed, over),
              HasSubstr("1.010 of 0.010 OVER"));
  EXPECT_TRUE(over);
}

TEST(Counting, OnlyWhatIsAskedForIsCounted) {
  const auto allocate = [] { delete std::make_unique<std::string>(1000, 'x').release(); };
  const std::uint64_t before = allocations();
  allocate();
  aside(allocate);
  EXPECT_EQ(allocations(), before);
  counted([&] { aside(allocate); });
  EXPECT_EQ(allocations(), before);
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  counted(allocate);
  EXPECT_EQ(allocations(), before + 2);
#endif
}

TEST(Workload, EachOneRunsAndIsAnsweredAsItShould) {
  for (const Workload& workload : workloads()) {
    const std::uint64_t in_a_turn = workload.connections * workload.depth;
    EXPECT_GE(serve(workload, 3, {}).requests, 3 * in_a_turn) << workload.name;
  }
}

}  // namespace
}  // namespace walrus::budget
