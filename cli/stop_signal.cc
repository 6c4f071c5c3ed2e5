#include "cli/stop_signal.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/assert.h"

namespace walrus::cli {
namespace {

// A signal handler has nowhere else to look.
volatile sig_atomic_t stop_requested = 0;
int pipe_ends[2] = {-1, -1};

void on_stop(int) {
  const int saved = errno;
  stop_requested = 1;
  [[maybe_unused]] const ssize_t written = ::write(pipe_ends[1], "s", 1);
  errno = saved;
}

void install(int signal, void (*handler)(int), int flags) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

StopSignal::StopSignal() {
  WALRUS_ASSERT(pipe_ends[0] < 0, "one StopSignal at a time");
  WALRUS_ASSERT(::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) == 0);
  stop_requested = 0;
  install(SIGINT, on_stop, SA_RESETHAND);
  install(SIGTERM, on_stop, SA_RESETHAND);
  install(SIGPIPE, SIG_IGN, 0);
}

StopSignal::~StopSignal() {
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) install(signal, SIG_DFL, 0);
  for (int& end : pipe_ends) {
    ::close(end);
    end = -1;
  }
}

bool StopSignal::requested() const { return stop_requested != 0; }

int StopSignal::descriptor() const { return pipe_ends[0]; }

void StopSignal::wait_for(std::chrono::milliseconds time) const {
  pollfd waiting{pipe_ends[0], POLLIN, 0};
  ::poll(&waiting, 1, static_cast<int>(time.count()));
}

}  // namespace walrus::cli
