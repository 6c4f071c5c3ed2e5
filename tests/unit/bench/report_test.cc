#include "bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace walrus::bench {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

LoadTitle title() {
  return {.workload = "put", .peer = "walrus", .address = "127.0.0.1:9091", .record_bytes = 100, .plan = {}};
}

LoadResult result_of(int records) {
  LoadResult result;
  result.seconds = 2;
  result.done = static_cast<std::uint64_t>(records);
  for (int i = 0; i < records; ++i) result.latency.record(1'000'000);
  return result;
}

TEST(Report, TimesTakeTheUnitThatFits) {
  EXPECT_EQ(as_time(0), "0 ns");
  EXPECT_EQ(as_time(999), "999 ns");
  EXPECT_EQ(as_time(1'000), "1.00 us");
  EXPECT_EQ(as_time(123'456), "123 us");
  EXPECT_EQ(as_time(999'600), "1.00 ms");
  EXPECT_EQ(as_time(12'340'000), "12.3 ms");
  EXPECT_EQ(as_time(61e9), "61.0 s");
}

TEST(Report, TheTableShowsRateLatencyAndErrorsByText) {
  LoadResult result = result_of(10'000);
  result.failed = 3;
  result.errors = {{"disk full", 3}};
  const std::string table = load_table(title(), result);
  EXPECT_THAT(table, AllOf(HasSubstr("64 connections x depth 1, 100 B, 1 topic, closed loop, 2.00 s"),
                           HasSubstr("5,000 records/s, 0.50 MB/s, 10,000 records"), HasSubstr("p99.99"),
                           HasSubstr("1.00 ms"), HasSubstr("3 x disk full"), Not(HasSubstr("EMPTY"))));
}

TEST(Report, APercentileThatTheSamplesDoNotSupportIsNotInvented) {
  const LoadResult result = result_of(50);
  EXPECT_THAT(load_table(title(), result), HasSubstr("         -"));
  const auto json = nlohmann::json::parse(load_json(title(), result));
  EXPECT_EQ(json["latency_ns"]["p50"], 1'000'000);
  EXPECT_TRUE(json["latency_ns"]["p99"].is_null());
}

TEST(Report, JsonHasTheWholeResult) {
  LoadResult result = result_of(1'000);
  result.unsent = 7;
  result.errors = {{"bad \xff byte", 1}};
  const auto json = nlohmann::json::parse(load_json(title(), result));
  EXPECT_EQ(json["records_per_second"], 500);
  EXPECT_EQ(json["unsent"], 7);
  EXPECT_EQ(json["errors"].size(), 1U);
  EXPECT_TRUE(json["rate"].is_null());
}

TEST(Report, ACsvRowHasAsManyFieldsAsItsHeader) {
  const std::string header = load_csv_header();
  for (const int records : {0, 10'000}) {
    const std::string row = load_csv_row(title(), result_of(records));
    EXPECT_EQ(std::ranges::count(row, ','), std::ranges::count(header, ',')) << row;
  }
}

}  // namespace
}  // namespace walrus::bench
