#include "cli/progress.h"

#include <gtest/gtest.h>

#include "cli/console.h"

namespace walrus::cli {
namespace {

TEST(Progress, NumbersAreGroupedByThousands) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'000), "1,000");
  EXPECT_EQ(with_commas(12'345'678), "12,345,678");
}

TEST(Progress, BytesTakeTheUnitThatFits) {
  EXPECT_EQ(as_bytes(0), "0 B");
  EXPECT_EQ(as_bytes(999), "999 B");
  EXPECT_EQ(as_bytes(1'000), "1.0 kB");
  EXPECT_EQ(as_bytes(999'949), "999.9 kB");
  EXPECT_EQ(as_bytes(999'999), "1.0 MB");
  EXPECT_EQ(as_bytes(1.5e12), "1.5 TB");
}

TEST(Progress, TheSummaryNamesRecordsBytesSecondsAndRates) {
  EXPECT_EQ(rate_text(5'000, 1'200'000, 0.5), "5,000 records, 1.2 MB in 0.500 s (10,000 records/s, 2.4 MB/s)");
  EXPECT_EQ(rate_text(1, 3, 1), "1 record, 3 B in 1.000 s (1 records/s, 3 B/s)");
  EXPECT_EQ(rate_text(0, 0, 0), "0 records, 0 B in 0.000 s (0 records/s, 0 B/s)");
}

TEST(Console, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(printable("OK \x1b[31mred\x07\r\x7f"), "OK \\x1b[31mred\\x07\\x0d\\x7f");
  EXPECT_EQ(printable("tab\tnewline\nüñ\xf0\x9f\xa6\xad"), "tab\tnewline\nüñ\xf0\x9f\xa6\xad");
}

}  // namespace
}  // namespace walrus::cli
