#include "bench/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bench/chart_files.h"

namespace walrus::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Panel panel(std::vector<std::pair<double, double>> points, Axis::Scale scale = Axis::Scale::kLinear) {
  return {.title = "t",
          .x = {.label = "x", .scale = scale},
          .y = {.label = "y", .scale = scale},
          .series = {{.name = "a < b & c", .points = std::move(points)}}};
}

TEST(Chart, NamesAndTextsAreEscapedAndAllIsInOneFile) {
  const std::string text = svg("1 < 2", {panel({{0, 1}, {1, 2}})});
  EXPECT_THAT(text, HasSubstr("a &lt; b &amp; c"));
  EXPECT_THAT(text, HasSubstr("1 &lt; 2"));
  EXPECT_THAT(text, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(text, Not(HasSubstr("href")));
  EXPECT_TRUE(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
}

TEST(Chart, WhateverThePointsAreEveryPlaceIsANumber) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const auto scale : {Axis::Scale::kLinear, Axis::Scale::kLog}) {
    for (const auto& points : std::vector<std::vector<std::pair<double, double>>>{{},
                                                                                  {{0, 0}},
                                                                                  {{1, 1}},
                                                                                  {{5, 5}, {5, 5}},
                                                                                  {{-1, -2}, {1, 2}},
                                                                                  {{1, inf}, {2, std::nan("")}, {3, 4}},
                                                                                  {{1, 1e12}, {1e6, 1e-9}}}) {
      const std::string text = svg("t", {panel(points, scale)});
      EXPECT_THAT(text, Not(HasSubstr("nan"))) << text;
      EXPECT_THAT(text, Not(HasSubstr("inf"))) << text;
    }
  }
}

TEST(Chart, TicksAreShort) {
  EXPECT_EQ(tick_text(0, Axis::Unit::kNumber), "0");
  EXPECT_EQ(tick_text(1'500, Axis::Unit::kNumber), "1.5k");
  EXPECT_EQ(tick_text(2e6, Axis::Unit::kNumber), "2M");
  EXPECT_EQ(tick_text(65'536, Axis::Unit::kBytes), "64 KiB");
  EXPECT_EQ(tick_text(1e7, Axis::Unit::kNanoseconds), "10 ms");
  EXPECT_EQ(tick_text(1e5, Axis::Unit::kNanoseconds), "100 us");
  EXPECT_EQ(tick_text(1.5e6, Axis::Unit::kNanoseconds), "1.5 ms");
}

TEST(Chart, JsonIsDrawnAndWhatIsNoChartIsRefused) {
  const auto drawn = chart_of_json(R"({"title":"T","panels":[{"x":{"label":"connections","log":true},
      "y":{"label":"p99","unit":"ns","log":true},"series":[{"name":"walrusd","points":[[1,2e5],[10,null],[100,3e6]]}]}]})");
  ASSERT_TRUE(drawn) << drawn.error().detail;
  EXPECT_THAT(*drawn, HasSubstr("walrusd"));
  EXPECT_EQ(std::ranges::count(*drawn, 'c') > 0, true);
  EXPECT_FALSE(chart_of_json("{"));
  EXPECT_FALSE(chart_of_json(R"({"title":"T","panels":[{"x":{}}]})"));
}

TEST(Chart, ARunIsShownAsThroughputAndLatency) {
  LoadResult result;
  result.seconds = 0.3;
  result.series = {10, 20, 30};
  for (int i = 1; i <= 1'000; ++i) result.latency.record(static_cast<std::uint64_t>(i) * 1'000);
  const LoadTitle title{.workload = "put", .peer = "walrus", .address = "", .record_bytes = 100, .plan = {}};
  const std::string text = load_chart(title, result);
  EXPECT_THAT(text, HasSubstr("throughput"));
  EXPECT_THAT(text, HasSubstr("99.9 %"));
}

}  // namespace
}  // namespace walrus::bench
