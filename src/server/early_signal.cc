#include "server/early_signal.h"

#include <csignal>

namespace walrus::server {
namespace {

volatile std::sig_atomic_t caught = 0;

extern "C" void keep(int number) { caught = number; }

}  // namespace

void keep_early_signals() {
  struct sigaction action{};
  action.sa_handler = keep;
  action.sa_flags = SA_RESTART;  // what is under way at the start knows nothing of signals
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

int early_signal() { return caught; }

}  // namespace walrus::server
