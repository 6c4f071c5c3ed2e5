#include "tests/budget/syscalls.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace walrus::budget {
namespace {

/// Numbers that no kernel knows: all that happens is that the tracer sees them.
constexpr long kStartMark = 0x77a1b001;
constexpr long kStopMark = 0x77a1b002;

std::runtime_error failed(const char* what) {
  return std::runtime_error(std::string(what) + ": " + std::generic_category().message(errno));
}

pid_t start(const std::vector<std::string>& arguments, int output) {
  std::vector<std::string> strings = arguments;
  std::vector<char*> argv;
  argv.reserve(strings.size() + 1);
  for (std::string& string : strings) argv.push_back(string.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw failed("fork");
  if (pid == 0) {  // only calls that are safe between fork and exec
    ::dup2(output, 1);
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  return pid;
}

/// A thread stands at the entry or the exit of a call.
void on_syscall(pid_t thread, bool& counting, std::map<long, std::uint64_t>& calls) {
  __ptrace_syscall_info info{};
  if (::ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), thread, sizeof info, &info) <= 0) return;
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
  const long number = static_cast<long>(info.entry.nr);
  if (number == kStartMark || number == kStopMark) {
    counting = number == kStartMark;
  } else if (counting) {
    ++calls[number];
  }
}

int follow(pid_t child, std::map<long, std::uint64_t>& calls) {
  bool counting = false;
  for (;;) {
    int status = 0;
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) throw failed("waitpid");
    if (!WIFSTOPPED(status)) {
      if (thread == child) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      continue;
    }
    const int signal = WSTOPSIG(status);
    int deliver = 0;
    if (signal == (SIGTRAP | 0x80)) {
      on_syscall(thread, counting, calls);
    } else if (signal != SIGTRAP && signal != SIGSTOP) {  // those two are the tracer's: exec, a new thread
      deliver = signal;
    }
    ::ptrace(PTRACE_SYSCALL, thread, nullptr, deliver);
  }
}

}  // namespace

void count_syscalls(bool on) { ::syscall(on ? kStartMark : kStopMark); }

Traced trace(const std::vector<std::string>& arguments) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), 0) != 0) throw failed("pipe");
  const pid_t child = start(arguments, pipe[1]);
  ::close(pipe[1]);
  int status = 0;
  ::waitpid(child, &status, __WALL);
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SETOPTIONS, child, nullptr, options) != 0) throw failed("ptrace");
  ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
  Traced traced;
  traced.status = follow(child, traced.calls);
  // Less than a pipe holds.
  std::array<char, 4096> text{};
  const ssize_t size = ::read(pipe[0], text.data(), text.size());
  if (size > 0) traced.output.assign(text.data(), static_cast<std::size_t>(size));
  ::close(pipe[0]);
  return traced;
}

}  // namespace walrus::budget
