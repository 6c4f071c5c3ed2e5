#include "tests/harness/process.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "tests/harness/temp_dir.h"

namespace walrus::test {
namespace {

std::vector<std::string> child_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("WALRUS")) all.emplace_back(*variable);
  }
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> c_strings(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

int open_or_throw(const std::filesystem::path& path, int flags) {
  const std::string name = path.empty() ? "/dev/null" : path.string();
  const int file = ::open(name.c_str(), flags | O_CLOEXEC, 0644);
  if (file < 0) throw std::system_error(errno, std::generic_category(), "open " + name);
  return file;
}

Ended decode(int status) {
  if (WIFSIGNALED(status)) return {.code = -1, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status), .signal = 0};
}

std::string program(const char* variable, const char* built) {
  const char* chosen = std::getenv(variable);
  return chosen != nullptr ? chosen : built;
}

}  // namespace

Process Process::start(const Options& options) {
  auto arguments = options.arguments;
  auto environment = child_environment(options.environment);
  const auto argv = c_strings(arguments);
  const auto envp = c_strings(environment);
  const int input = open_or_throw(options.input, O_RDONLY);
  const int output = open_or_throw(options.output, O_WRONLY | O_CREAT | O_APPEND);
  const int errors = open_or_throw(options.errors, O_WRONLY | O_CREAT | O_APPEND);

  const pid_t pid = ::fork();
  if (pid == 0) {  // only calls that are safe between fork and exec
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(input, 0);
    ::dup2(output, 1);
    ::dup2(errors, 2);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  const int error = errno;
  ::close(input);
  ::close(output);
  ::close(errors);
  if (pid < 0) throw std::system_error(error, std::generic_category(), "fork");
  return Process(pid);
}

Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), ended_(other.ended_) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    kill_and_reap();
    pid_ = std::exchange(other.pid_, -1);
    ended_ = other.ended_;
  }
  return *this;
}

Process::~Process() { kill_and_reap(); }

void Process::kill_and_reap() {
  if (pid_ < 0 || ended_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool Process::running() {
  if (pid_ < 0 || ended_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) ended_ = decode(status);
  return !ended_;
}

void Process::signal(int number) {
  if (running()) ::kill(pid_, number);
}

std::optional<Ended> Process::wait(std::chrono::steady_clock::duration timeout) {
  eventually([this] { return !running(); }, timeout);
  return ended_;
}

Finished run(const std::vector<std::string>& arguments, const std::string& input,
             const std::map<std::string, std::string>& environment, std::chrono::steady_clock::duration timeout) {
  const TempDir folder;
  std::ofstream(folder / "in", std::ios::binary) << input;
  Process process = Process::start({.arguments = arguments,
                                    .environment = environment,
                                    .input = folder / "in",
                                    .output = folder / "out",
                                    .errors = folder / "err"});
  const auto ended = process.wait(timeout);
  Finished finished{.ended = {}, .output = read_file(folder / "out"), .errors = read_file(folder / "err")};
  if (!ended) throw std::runtime_error(arguments[0] + " did not end in time; it said: " + finished.errors);
  finished.ended = *ended;
  return finished;
}

std::string walrusd_path() { return program("WALRUSD", WALRUSD_BUILT); }
std::string walrus_cli_path() { return program("WALRUS_CLI", WALRUS_CLI_BUILT); }

}  // namespace walrus::test
