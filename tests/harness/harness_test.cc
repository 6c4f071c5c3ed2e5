// The harness finds what it is there to find: a checker that cannot fail would make every process test pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <string>
#include <vector>

#include "tests/harness/connection.h"
#include "tests/harness/numbered_writer.h"
#include "tests/harness/process.h"
#include "tests/harness/temp_dir.h"

namespace walrus::test {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> numbers(std::uint64_t first, std::uint64_t end) {
  std::vector<std::string> payloads;
  for (; first < end; ++first) payloads.push_back(std::to_string(first));
  return payloads;
}

TEST(Judge, IsContentWithWhatWasAcknowledgedAndWhatMayHaveBeen) {
  EXPECT_EQ(judge(numbers(0, 10), 0, 10, 10), "");
  EXPECT_EQ(judge(numbers(0, 12), 0, 10, 15), "");
  EXPECT_EQ(judge(numbers(5, 10), 5, 10, 10), "");
  EXPECT_EQ(judge({}, 0, 0, 0), "");
}

TEST(Judge, FindsALostRecord) {
  EXPECT_THAT(judge(numbers(0, 9), 0, 10, 10), HasSubstr("record 9 is lost"));
  EXPECT_THAT(judge({}, 0, 1, 1), HasSubstr("record 0 is lost"));
}

TEST(Judge, FindsAHoleARepetitionAndAWrongOrder) {
  EXPECT_THAT(judge({"0", "2"}, 0, 2, 3), HasSubstr("expected record 1, got 2"));
  EXPECT_THAT(judge({"0", "0"}, 0, 1, 2), HasSubstr("expected record 1, got 0"));
  EXPECT_THAT(judge({"1", "0"}, 0, 2, 2), HasSubstr("expected record 0, got 1"));
}

TEST(Judge, FindsARecordThatNobodySent) {
  EXPECT_THAT(judge(numbers(0, 11), 0, 10, 10), HasSubstr("record 10 was never sent"));
}

const std::vector<Written> kTwoWriters = {{.prefix = "a", .acknowledged = 2, .sent = 4},
                                          {.prefix = "b", .acknowledged = 1, .sent = 3}};

TEST(JudgeAll, TakesAnyMixtureThatKeepsEachWritersOrder) {
  EXPECT_EQ(judge_all({"a0", "b0", "a1"}, kTwoWriters), "");
  EXPECT_EQ(judge_all({"b0", "b2", "a0", "a1", "a3"}, kTwoWriters), "") << "b1 and a2 were not acknowledged";
}

TEST(JudgeAll, FindsWhatIsWrong) {
  EXPECT_THAT(judge_all({"a0", "b0"}, kTwoWriters), HasSubstr("record a1 is lost"));
  EXPECT_THAT(judge_all({"a0", "b0", "a2", "a1"}, kTwoWriters), HasSubstr("record a1 is lost"));
  EXPECT_THAT(judge_all({"a0", "a1", "b1"}, kTwoWriters), HasSubstr("record b0 is lost"));
  EXPECT_THAT(judge_all({"a0", "a1", "b0", "a1"}, kTwoWriters), HasSubstr("record a1 comes twice"));
  EXPECT_THAT(judge_all({"a0", "a1", "b0", "a3", "a2"}, kTwoWriters), HasSubstr("record a2 comes twice or too late"));
  EXPECT_THAT(judge_all({"a0", "a1", "b0", "a4"}, kTwoWriters), HasSubstr("record a4 was never sent"));
  EXPECT_THAT(judge_all({"a0", "a1", "b0", "c0"}, kTwoWriters), HasSubstr("record c0 was never sent"));
}

TEST(Programs, AreRunWithTheirInputOutputAndExitCode) {
  const Finished finished = run({"/bin/sh", "-c", "cat; echo problem >&2; exit 7"}, "some\ninput");
  EXPECT_EQ(finished.ended, (Ended{.code = 7, .signal = 0}));
  EXPECT_EQ(finished.output, "some\ninput");
  EXPECT_EQ(finished.errors, "problem\n");
}

TEST(Programs, DoNotSeeTheCallersSettings) {
  ::setenv("WALRUS_LEAKED", "1", 1);
  EXPECT_EQ(run({"/usr/bin/env"}, {}, {{"WALRUS_GIVEN", "2"}}).output.find("WALRUS_LEAKED"), std::string::npos);
  EXPECT_THAT(run({"/usr/bin/env"}, {}, {{"WALRUS_GIVEN", "2"}}).output, HasSubstr("WALRUS_GIVEN=2\n"));
}

TEST(Programs, ThatDoNotEndAreAnError) { EXPECT_THROW(run({"/bin/sleep", "1000"}, {}, {}, 20ms), std::runtime_error); }

TEST(Processes, TellBySignalHowTheyEnded) {
  Process process = Process::start(
      {.arguments = {"/bin/sleep", "1000"}, .environment = {}, .input = "/dev/null", .output = {}, .errors = {}});
  EXPECT_TRUE(process.running());
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), (Ended{.code = -1, .signal = SIGTERM}));
  EXPECT_FALSE(process.running());
}

TEST(Ports, AreFreeAndNeverGivenTwice) {
  const std::uint16_t first = free_port();
  const std::uint16_t second = free_port();
  EXPECT_NE(first, second);
  EXPECT_FALSE(accepts_connections(first));
}

TEST(Folders, AreGoneWithTheirOwner) {
  std::filesystem::path path;
  {
    const TempDir folder;
    path = folder.path();
    EXPECT_TRUE(std::filesystem::is_directory(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace walrus::test
