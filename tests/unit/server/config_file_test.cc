#include "server/config_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace walrus::server {
namespace {

std::vector<std::string> values(std::string_view line) {
  const auto lines = parse_config_file(line);
  if (!lines || lines->size() != 1) return {"(not one setting)"};
  return lines->front().values;
}

TEST(ConfigFileText, HoldsBareAndQuotedValuesAndArrays) {
  using Values = std::vector<std::string>;
  EXPECT_EQ(values("a = 1"), Values{"1"});
  EXPECT_EQ(values("a=true # yes"), Values{"true"});
  EXPECT_EQ(values("  a\t= \"x # y\"\r\n"), Values{"x # y"});
  EXPECT_EQ(values(R"(a = "q\"b\\")"), Values{"q\"b\\"});
  EXPECT_EQ(values(R"(a = 'c:\d')"), Values{"c:\\d"});
  EXPECT_EQ(values("a = []"), Values{});
  EXPECT_EQ(values("a = [1, \"two\", 'three',]"), (Values{"1", "two", "three"}));
  EXPECT_EQ(values("a = \"\""), Values{""});
}

TEST(ConfigFileText, NumbersItsLinesFromOne) {
  const auto lines = parse_config_file("# first\n\na = 1\n   # indented\nb = 2");
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 2u);
  EXPECT_EQ((*lines)[0].number, 3u);
  EXPECT_EQ((*lines)[1].number, 5u);
  EXPECT_EQ((*lines)[1].name, "b");
}

TEST(ConfigFileText, RefusesWhatItDoesNotUnderstand) {
  for (const auto text : {"a", "a =", "= 1", "a 1", "a = \"open", "a = 'open", "a = 1 2", "[table]", "a = [1",
                          "a = [1 2]", "a = \"x\\"}) {
    const auto lines = parse_config_file(text);
    ASSERT_FALSE(lines) << text;
    EXPECT_NE(lines.error().detail.find("line 1"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace walrus::server
