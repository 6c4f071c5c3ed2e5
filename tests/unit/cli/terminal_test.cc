// The shell of the real walrus-cli on a pseudo-terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <pty.h>
#include <signal.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/assert.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::testing {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kPrompt = "🦭 > ";

class Terminal {
 public:
  explicit Terminal(const std::string& address, const char* locale = "LC_ALL=C.UTF-8") {
    char directory[] = "/tmp/walrus-cli-terminal-XXXXXX";
    WALRUS_ASSERT(::mkdtemp(directory) != nullptr);
    home_ = directory;
    std::string program = WALRUS_PROGRAM;
    std::string home = "HOME=" + home_.string();
    std::string variable = locale;
    std::string kind = "TERM=xterm";
    std::string option = "--addr=" + address;
    std::array<char*, 3> argv = {program.data(), option.data(), nullptr};
    std::array<char*, 4> envp = {home.data(), variable.data(), kind.data(), nullptr};
    winsize size{.ws_row = 30, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
    pid_ = ::forkpty(&master_, nullptr, nullptr, &size);
    WALRUS_ASSERT(pid_ >= 0);
    if (pid_ == 0) {
      ::execve(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
  }
  ~Terminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(master_);
    std::error_code ignored;
    std::filesystem::remove_all(home_, ignored);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys) {
    WALRUS_ASSERT(::write(master_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }

  /// Reads until `text` is on the screen, or the end; true when it came. What was read up to there is done with.
  bool shows(std::string_view text) {
    for (;;) {
      const auto at = screen_.find(text);
      if (at != std::string::npos) {
        screen_.erase(0, at + text.size());
        return true;
      }
      char buffer[4096];
      const ssize_t got = ::read(master_, buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      screen_.append(buffer, static_cast<std::size_t>(got));
    }
  }

  /// Waits for the end; its exit status.
  int finish() {
    shows("a text that never comes");
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::filesystem::path history_file() const { return home_ / ".walrus_history"; }

 private:
  pid_t pid_ = -1;
  int master_ = -1;
  std::string screen_;
  std::filesystem::path home_;
};

TEST(ShellOnATerminal, PromptsAndAnswersAsDocumented) {
  FakeServer server;
  Terminal terminal(server.address());
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("REGISTER logs\r");
  ASSERT_TRUE(terminal.shows("OK\r\n"));
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("PUT logs \"first message\"\r");
  ASSERT_TRUE(terminal.shows("OK\r\n"));
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("GET logs\r");
  ASSERT_TRUE(terminal.shows("OK first message\r\n"));
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("exit\r");
  EXPECT_EQ(terminal.finish(), 0);
}

TEST(ShellOnATerminal, EachWayOutLeavesWithStatusZero) {
  FakeServer server;
  for (const char* keys : {"exit\r", "QUIT\r", "q\r", "\x03", "half a line\x03", "\x04"}) {
    Terminal terminal(server.address());
    ASSERT_TRUE(terminal.shows(kPrompt));
    terminal.type(keys);
    EXPECT_EQ(terminal.finish(), 0) << keys;
  }
}

TEST(ShellOnATerminal, ThePromptIsTheSameInALocaleThatKnowsNoUtf8) {
  FakeServer server;
  Terminal terminal(server.address(), "LC_ALL=C");
  EXPECT_TRUE(terminal.shows(kPrompt));
  terminal.type("\x04");
  EXPECT_EQ(terminal.finish(), 0);
}

TEST(ShellOnATerminal, TabCompletesVerbsAndTopics) {
  FakeServer server;
  Terminal terminal(server.address());
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("reg\tlogs\r");
  ASSERT_TRUE(terminal.shows("OK\r\n"));
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("STA\tl\t\r");
  ASSERT_TRUE(terminal.shows("\"topic\":\"logs\""));
  EXPECT_THAT(server.requests(), ElementsAre("TOPICS", "REGISTER logs", "STATE logs"));
}

TEST(ShellOnATerminal, TheHistoryIsRememberedForItsOwnerOnly) {
  FakeServer server;
  Terminal terminal(server.address());
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("METRICS\r");
  ASSERT_TRUE(terminal.shows("Leader"));
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("\x1b[A\r");  // arrow up
  ASSERT_TRUE(terminal.shows("Leader"));
  EXPECT_THAT(server.requests(), ElementsAre("METRICS", "METRICS"));
  struct stat status{};
  ASSERT_EQ(::stat(terminal.history_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST(ShellOnATerminal, WhatAStrangerStoredDoesNotDriveTheTerminal) {
  FakeServer server;
  server.add_topic("logs", {"\x1b]0;owned\x07"});
  Terminal terminal(server.address());
  ASSERT_TRUE(terminal.shows(kPrompt));
  terminal.type("GET logs\r");
  EXPECT_TRUE(terminal.shows("OK \\x1b]0;owned\\x07\r\n"));
}

TEST(ShellOnATerminal, NobodyThereIsSaidAtOnceAndTheShellStays) {
  const std::string address = FakeServer().address();
  Terminal terminal(address);
  EXPECT_TRUE(terminal.shows("cannot connect to " + address + ": Connection refused."));
  EXPECT_TRUE(terminal.shows(kPrompt));
  terminal.type("exit\r");
  EXPECT_EQ(terminal.finish(), 0);
}

}  // namespace
}  // namespace walrus::testing
