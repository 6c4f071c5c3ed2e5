#include "base/log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/assert.h"

namespace walrus {
namespace {

std::string content(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

TEST(Log, LevelsAreParsedAndOthersRefused) {
  EXPECT_EQ(log::parse_level("debug"), log::Level::kDebug);
  EXPECT_EQ(log::parse_level("warning"), log::Level::kWarn);
  EXPECT_EQ(log::parse_level("off"), log::Level::kOff);
  EXPECT_FALSE(log::parse_level("loud"));
  EXPECT_FALSE(log::parse_level(""));
}

TEST(Log, AFileGetsWhatIsAtOrAboveItsLevel) {
  const std::string path = testing::TempDir() + "walrus-log-test.log";
  std::remove(path.c_str());
  ASSERT_TRUE(log::configure(log::Level::kInfo, path));
  log::debug("not {}", "seen");
  log::info("seen {}", 1);
  log::error("seen {}", 2);
  log::flush();
  const std::string text = content(path);
  EXPECT_EQ(text.find("not seen"), std::string::npos);
  EXPECT_NE(text.find("info seen 1"), std::string::npos);
  EXPECT_NE(text.find("error seen 2"), std::string::npos);
  ASSERT_TRUE(log::configure(log::Level::kInfo, ""));
  std::remove(path.c_str());
}

TEST(Log, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_FALSE(log::configure(log::Level::kInfo, "/proc/no/such/file.log"));
}

using AssertDeathTest = testing::Test;

TEST(AssertDeathTest, AFailedAssertionSaysWhatAndWhereAndAborts) {
  const int answer = 41;
  EXPECT_EXIT(WALRUS_ASSERT(answer == 42, "the answer is off"), testing::KilledBySignal(SIGABRT),
              "answer == 42.*log_test.cc.*the answer is off");
  WALRUS_ASSERT(answer == 41);
}

TEST(AssertDeathTest, AFatalErrorEndsTheProcessWithItsOwnStatus) {
  EXPECT_EXIT(fatal(ExitCode::kStorage, "the disk is gone"), testing::ExitedWithCode(5), "the disk is gone");
}

}  // namespace
}  // namespace walrus
