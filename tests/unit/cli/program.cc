#include "tests/unit/cli/program.h"

#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <signal.h>
#include <thread>
#include <unistd.h>

#include "base/assert.h"

namespace walrus::testing {
namespace {

/// Appends one read; false at the end.
bool read_some(int descriptor, std::string& to, std::size_t most = 65536) {
  std::string buffer(most, '\0');
  ssize_t got = 0;
  do {
    got = ::read(descriptor, buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  to.append(buffer, 0, static_cast<std::size_t>(got));
  return true;
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments) {
  char directory[] = "/tmp/walrus-cli-test-XXXXXX";
  WALRUS_ASSERT(::mkdtemp(directory) != nullptr);
  home_ = directory;
  int in[2];
  int out[2];
  int err[2];
  WALRUS_ASSERT(::pipe2(in, O_CLOEXEC) == 0 && ::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0);
  std::vector<std::string> words = {WALRUS_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables = {"HOME=" + home_};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with("HOME=") && !text.starts_with("WALRUS_")) variables.emplace_back(text);
  }
  std::vector<char*> envp;
  envp.reserve(variables.size() + 1);
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  pid_ = ::fork();
  WALRUS_ASSERT(pid_ >= 0);
  if (pid_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  for (const int descriptor : {in[0], out[1], err[1]}) ::close(descriptor);
  in_ = in[1];
  out_ = out[0];
  err_ = err[0];
  ::signal(SIGPIPE, SIG_IGN);
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (const int descriptor : {in_, out_, err_}) {
    if (descriptor >= 0) ::close(descriptor);
  }
  std::error_code ignored;
  std::filesystem::remove_all(home_, ignored);
}

void Program::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(in_, bytes.data(), bytes.size());
    if (written < 0) return;  // it ended early; the test looks at why
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Program::close_stdin() {
  if (in_ >= 0) ::close(in_);
  in_ = -1;
}

void Program::close_stdout() {
  if (out_ >= 0) ::close(out_);
  out_ = -1;
}

std::string Program::read(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes && read_some(out_, text, bytes - text.size())) {
  }
  return text;
}

bool Program::wait_for_error(std::string_view text) {
  while (error_text_.find(text) == std::string::npos) {
    if (!read_some(err_, error_text_)) return false;
  }
  return true;
}

void Program::signal(int number) { ::kill(pid_, number); }

Outcome Program::finish() {
  close_stdin();
  Outcome outcome;
  std::thread errors([&] {
    while (read_some(err_, error_text_)) {
    }
  });
  while (out_ >= 0 && read_some(out_, outcome.out)) {
  }
  errors.join();
  outcome.err = error_text_;
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

Outcome run_program(const std::vector<std::string>& arguments, std::string_view input) {
  Program program(arguments);
  std::thread writer([&] {
    program.write(input);
    program.close_stdin();
  });
  writer.join();
  return program.finish();
}

int run_in_shell(const std::string& arguments) {
  const int status = std::system((std::string(WALRUS_PROGRAM) + " " + arguments).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace walrus::testing
