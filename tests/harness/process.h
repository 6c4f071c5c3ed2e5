// A program run by a test, as its child: started with arguments, environment and files of its own, signalled, awaited.
//
// The child never outlives its test: it is killed by the destructor, and by the kernel when the thread that started it
// ends (so start processes from the test's own thread). WALRUS_… variables of the caller do not reach it; sanitizers'
// options do. Throws std::runtime_error when the machine refuses (fork, files); a test ends with that text.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/harness/eventually.h"

namespace walrus::test {

/// How a process ended.
struct Ended {
  int code = -1;   ///< exit code; -1 when a signal ended it
  int signal = 0;  ///< the signal; 0 when it ended by itself
  friend bool operator==(const Ended&, const Ended&) = default;
};

class Process {
 public:
  struct Options {
    std::vector<std::string> arguments;  ///< [0] is the path of the program
    std::map<std::string, std::string> environment;
    std::filesystem::path input = "/dev/null";
    std::filesystem::path output;  ///< appended to
    std::filesystem::path errors;  ///< appended to
  };

  static Process start(const Options& options);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  /// How it ended, once it has; nothing when it still runs after `timeout`.
  std::optional<Ended> wait(std::chrono::steady_clock::duration timeout = kPatience);

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  void kill_and_reap();

  pid_t pid_ = -1;
  std::optional<Ended> ended_;
};

/// What a program said until its end.
struct Finished {
  Ended ended;
  std::string output;
  std::string errors;
};

/// Runs a program to its end with `input` on stdin.
Finished run(const std::vector<std::string>& arguments, const std::string& input = {},
             const std::map<std::string, std::string>& environment = {},
             std::chrono::steady_clock::duration timeout = kPatience);

/// The programs under test, as built beside the test; the variables WALRUSD and WALRUS_CLI replace them.
std::string walrusd_path();
std::string walrus_cli_path();

}  // namespace walrus::test
