// walrusd: one node of a cluster. Reads its settings, opens the node, serves until SIGINT or SIGTERM.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/log.h"
#include "base/standard_streams.h"
#include "server/config.h"
#include "server/early_signal.h"
#include "server/node.h"

namespace {

int refuse(walrus::ExitCode code, const std::string& reason) {
  std::fprintf(stderr, "walrusd: %s\n", reason.c_str());
  return static_cast<int>(code);
}

/// As many descriptors as we may have: each client's connection is one.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace walrus;
  open_closed_streams();
  server::keep_early_signals();
  std::signal(SIGPIPE, SIG_IGN);
  auto told = server::read_config(std::vector<std::string>(argv + 1, argv + argc), server::process_environment());
  if (!told) return refuse(ExitCode::kUsage, told.error().detail);
  if (const auto* information = std::get_if<server::Information>(&*told)) {
    std::fputs(information->text.c_str(), stdout);
    return 0;
  }
  const auto& config = std::get<server::Config>(*told);
  if (const Status logging = log::configure(config.log_level, config.log_file); !logging) {
    return refuse(ExitCode::kEnvironment, logging.error().message());
  }
  raise_descriptor_limit();
  auto node = server::Node::open(config);
  if (!node) return refuse(node.error().code, node.error().reason);
  (*node)->run();
  return 0;
}
