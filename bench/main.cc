// walrus-bench: load on a Walrus cluster, and the raw limits of disk and network.
//
// Exit status: 0 measured without an error, 1 there were errors (they are in the result), 2 usage, 3 not reachable.
#include <fmt/core.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <signal.h>
#include <unistd.h>

#include "base/assert.h"
#include "bench/command_line.h"
#include "bench/echo_server.h"
#include "bench/report.h"

namespace {

using namespace walrus;

constexpr int kErrorsHappened = 1;

int unreachable(std::string_view text) {
  fmt::print(stderr, "walrus-bench: {}. Is the server running?\n", text);
  return static_cast<int>(ExitCode::kEnvironment);
}

/// A line on stderr that is rewritten, when that is a terminal.
class LiveLine {
 public:
  explicit LiveLine(std::string what) : what_(std::move(what)), live_(::isatty(STDERR_FILENO) == 1) {}
  ~LiveLine() {
    if (live_) fmt::print(stderr, "\r\x1b[K");
  }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  void show(const bench::LoadStatus& status) {
    const double seconds = status.seconds - last_.seconds;
    const auto rate = seconds > 0 ? static_cast<double>(status.done - last_.done) / seconds : 0;
    last_ = status;
    if (!live_) return;
    fmt::print(stderr, "\r\x1b[K{} {:.1f} s  {}/s  {} done  {} errors", what_, status.seconds, bench::grouped(rate),
               bench::grouped(static_cast<double>(status.done)), bench::grouped(static_cast<double>(status.failed)));
    std::fflush(stderr);
  }

 private:
  std::string what_;
  bool live_;
  bench::LoadStatus last_{};
};

client::Result<bench::LoadResult> run_shown(const std::string& what, const bench::LoadPlan& plan,
                                            const bench::Codec& codec) {
  LiveLine line(what);
  return run_load(plan, codec, [&](const bench::LoadStatus& status) { line.show(status); });
}

/// Creates or fills the topics; 0, or the exit status.
int prepare(const std::string& what, const bench::LoadCommand& command, const bench::Codec& codec,
            bench::RequestKind kind, std::uint64_t requests) {
  bench::LoadPlan plan;
  plan.endpoints = command.plan.endpoints;
  plan.connections = kind == bench::RequestKind::kRegister ? 1 : 16;
  plan.depth = 64;
  plan.topics = command.plan.topics;
  plan.write = kind;
  plan.requests = requests;
  plan.duration = std::chrono::hours(24);
  const auto result = run_shown(what, plan, codec);
  if (!result) return unreachable(result.error().text);
  for (const auto& [text, times] : result->errors) {
    fmt::print(stderr, "walrus-bench: {} topics: {} x {}\n", what, bench::grouped(static_cast<double>(times)), text);
  }
  return result->errors.empty() ? 0 : kErrorsHappened;
}

void print_result(const bench::LoadCommand& command, const bench::LoadResult& result) {
  const bench::LoadTitle title{.workload = command.workload,
                               .peer = command.peer,
                               .address = command.address,
                               .record_bytes = command.record_bytes,
                               .plan = command.plan};
  switch (command.format) {
    case bench::Format::kTable:
      fmt::print("{}", load_table(title, result));
      break;
    case bench::Format::kJson:
      fmt::print("{}", load_json(title, result));
      break;
    case bench::Format::kCsv:
      fmt::print("{}{}", bench::load_csv_header(), load_csv_row(title, result));
      break;
  }
}

int run(const bench::LoadCommand& command) {
  std::vector<std::string> topics;
  topics.reserve(command.plan.topics);
  for (std::size_t i = 0; i < command.plan.topics; ++i) topics.push_back(fmt::format("{}-{}", command.topic_prefix, i));
  std::string payload(command.record_bytes, 'x');
  std::uint32_t state = 1;
  for (char& c : payload) {
    state = state * 1'664'525 + 1'013'904'223;
    c = static_cast<char>('a' + (state >> 24) % 26);
  }
  const auto codec = command.peer == "redis" ? bench::make_redis_codec(topics, std::move(payload))
                                             : bench::make_walrus_codec(topics, std::move(payload));
  if (codec->supports(bench::RequestKind::kRegister)) {
    const int status = prepare("registering", command, *codec, bench::RequestKind::kRegister, topics.size());
    if (status != 0) return status;
  }
  if (command.prefill > 0) {
    const int status = prepare("filling", command, *codec, bench::RequestKind::kPut, command.prefill);
    if (status != 0) return status;
  }
  const auto result = run_shown(command.workload, command.plan, *codec);
  if (!result) return unreachable(result.error().text);
  print_result(command, *result);
  const bool clean = result->errors.empty() && result->unanswered == 0 && result->unsent == 0;
  return clean ? 0 : kErrorsHappened;
}

int run(const bench::RawSyncCommand& command) {
  const auto result = run_raw_sync(command.plan);
  if (!result) {
    fmt::print(stderr, "walrus-bench: {}\n", result.error().detail);
    return static_cast<int>(ExitCode::kEnvironment);
  }
  fmt::print("{}", command.format == bench::Format::kJson ? raw_sync_json(command.plan, *result)
                                                          : raw_sync_table(command.plan, *result));
  return 0;
}

int run(const bench::EngineCommand& command) {
  const auto result = run_engine(command.plan);
  if (!result) {
    fmt::print(stderr, "walrus-bench: {}\n", result.error().message());
    return static_cast<int>(ExitCode::kEnvironment);
  }
  fmt::print("{}", command.format == bench::Format::kJson ? engine_json(command.plan, *result)
                                                          : engine_table(command.plan, *result));
  return 0;
}

int run(const bench::EchoCommand& command) {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &stops, nullptr);
  const int stop = ::signalfd(-1, &stops, SFD_CLOEXEC);
  auto server = bench::EchoServer::listen(command.host, command.port);
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

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = bench::parse_command_line(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  return std::visit([](const auto& command) { return run(command); }, std::get<bench::Command>(parsed));
}
