// fetch and backlog: consumers that read batches, alone or beside writers.
#include <fmt/core.h>

#include <atomic>
#include <thread>

#include "base/assert.h"
#include "bench/commands.h"
#include "bench/fetch.h"
#include "bench/live_line.h"
#include "bench/load_run.h"

namespace walrus::bench {
namespace {

std::unique_ptr<FetchCodec> consumer_codec(const FetchCommand& command, std::size_t consumer) {
  FetchOptions options = command.options;
  options.topic = topics_of(command.load)[consumer % command.load.plan.topics];
  options.record_bytes = command.load.record_bytes;
  return command.load.peer == "redis" ? make_redis_fetch(options) : make_walrus_fetch(options);
}

FetchPlan fetch_plan(const FetchCommand& command) {
  return {.endpoints = command.load.plan.endpoints,
          .consumers = command.load.plan.connections,
          .once = command.once,
          .from_end = command.options.from_end,
          .warmup = command.once ? std::chrono::nanoseconds(0) : command.load.plan.warmup,
          .duration = command.load.plan.duration,
          .codec = [&command](std::size_t consumer) { return consumer_codec(command, consumer); }};
}

/// Writers that go on until they are stopped.
class Writers {
 public:
  Writers(const FetchCommand& command, const Codec& codec) : command_(command.load) {
    command_.workload += ", its writers";
    command_.plan.connections = command.writers;
    command_.plan.depth = command.load.plan.depth;
    command_.plan.rate = command.write_rate;
    command_.plan.threads = 1;
    command_.plan.warmup = {};
    command_.plan.duration = std::chrono::hours(24);
    command_.plan.stop = &stop_;
    command_.plot.clear();
    if (command.writers > 0) {
      thread_ = std::jthread([this, &codec] { result_ = run_load(command_.plan, codec, [](const LoadStatus&) {}); });
    }
  }

  /// Their result, on stdout; the exit status.
  int finish() {
    if (!thread_.joinable()) return 0;
    stop_ = true;
    thread_.join();
    if (!result_) return unreachable(result_.error().text);
    result_->unsent = 0;  // they were stopped
    fmt::print("{}", command_.format == Format::kTable ? "\n" : "");
    print_result(command_, *result_);
    return status_of(*result_);
  }

 private:
  LoadCommand command_;
  std::atomic<bool> stop_ = false;
  client::Result<LoadResult> result_;
  std::jthread thread_;
};

}  // namespace

int run(const FetchCommand& command) {
  const auto codec = codec_of(command.load);
  if (const auto status = prepare(command.load, *codec)) return *status;
  Writers writers(command, *codec);
  client::Result<FetchResult> result;
  {
    LiveLine line(command.load.workload);
    result = run_fetch(fetch_plan(command), [&](const LoadStatus& status) { line.show(status); });
  }
  if (!result) {
    unreachable(result.error().text);
    (void)writers.finish();
    return static_cast<int>(ExitCode::kEnvironment);
  }
  if (command.once) result->load.drained = false;  // that was the aim
  print_result(command.load, result->load);
  const int written = writers.finish();
  return written != 0 ? written : status_of(result->load);
}

}  // namespace walrus::bench
