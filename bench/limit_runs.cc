// The commands that need no server: the raw limits of the machine, the engine as a library, charts.
#include <fmt/core.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <signal.h>
#include <unistd.h>

#include "base/assert.h"
#include "bench/chart_files.h"
#include "bench/commands.h"
#include "bench/echo_server.h"
#include "bench/report.h"

namespace walrus::bench {

int run(const RawSyncCommand& command) {
  const auto result = run_raw_sync(command.plan);
  if (!result) {
    fmt::print(stderr, "walrus-bench: {}\n", result.error().detail);
    return static_cast<int>(ExitCode::kEnvironment);
  }
  fmt::print("{}", command.format == Format::kJson ? raw_sync_json(command.plan, *result)
                                                   : raw_sync_table(command.plan, *result));
  return 0;
}

int run(const EngineCommand& command) {
  const auto result = run_engine(command.plan);
  if (!result) {
    fmt::print(stderr, "walrus-bench: {}\n", result.error().message());
    return static_cast<int>(ExitCode::kEnvironment);
  }
  fmt::print(
      "{}", command.format == Format::kJson ? engine_json(command.plan, *result) : engine_table(command.plan, *result));
  return 0;
}

int run(const RestartCommand& command) {
  const auto result = run_restart(command.plan);
  if (!result) {
    fmt::print(stderr, "walrus-bench: {}\n", result.error().message());
    return result.error().code == ErrorCode::kCorrupt ? kErrorsHappened : static_cast<int>(ExitCode::kEnvironment);
  }
  fmt::print("{}", command.format == Format::kJson ? restart_json(command.plan, *result)
                                                   : restart_table(command.plan, *result));
  return 0;
}

int run(const EchoCommand& command) {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &stops, nullptr);
  const int stop = ::signalfd(-1, &stops, SFD_CLOEXEC);
  auto server = EchoServer::listen(command.host, command.port);
  if (!server) {
    fmt::print(stderr, "walrus-bench: {}\n", server.error().detail);
    return static_cast<int>(ExitCode::kEnvironment);
  }
  fmt::print("listening on {}:{}\n", command.host, server->port());
  std::fflush(stdout);
  server->run(stop);
  ::close(stop);
  return 0;
}

int run(const ChartCommand& command) {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const auto chart = chart_of_json(text);
  if (!chart) {
    fmt::print(stderr, "walrus-bench: {}\n", chart.error().detail);
    return static_cast<int>(ExitCode::kUsage);
  }
  if (command.out.empty()) {
    fmt::print("{}", *chart);
    return 0;
  }
  std::ofstream file(command.out);
  if (file << *chart << std::flush) return 0;
  fmt::print(stderr, "walrus-bench: cannot write {}\n", command.out);
  return static_cast<int>(ExitCode::kEnvironment);
}

}  // namespace walrus::bench
