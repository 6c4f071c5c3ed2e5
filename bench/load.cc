#include "bench/load.h"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "bench/load_worker.h"

namespace walrus::bench {
namespace {

constexpr std::size_t kMaxErrorTexts = 100;
constexpr std::size_t kMaxErrorBytes = 200;

/// As many descriptors as the system lets us have: one connection is one descriptor.
void allow_many_sockets() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

client::Result<std::vector<std::vector<std::unique_ptr<Lane>>>> connect_lanes(const LoadPlan& plan,
                                                                              const Codec& codec) {
  std::vector<std::vector<std::unique_ptr<Lane>>> by_worker(plan.threads);
  for (std::size_t i = 0; i < plan.connections; ++i) {
    const client::Endpoint& endpoint = plan.endpoints[i % plan.endpoints.size()];
    auto socket = client::connect_tcp(endpoint, kConnectTimeout);
    if (!socket) {
      socket.error().text = "cannot connect to " + endpoint.text() + ": " + socket.error().text;
      return std::unexpected(std::move(socket.error()));
    }
    by_worker[i % plan.threads].push_back(std::make_unique<Lane>(*socket, i));
    by_worker[i % plan.threads].back()->greet(codec);
  }
  return by_worker;
}

/// This worker's part of a whole that is split as evenly as it goes.
std::uint64_t part_of(std::uint64_t whole, std::size_t worker, std::size_t workers) {
  return whole / workers + (worker < whole % workers ? 1 : 0);
}

std::vector<std::unique_ptr<LoadWorker>> make_workers(const LoadPlan& plan, const Codec& codec, const LoadClock& clock,
                                                      std::vector<std::vector<std::unique_ptr<Lane>>> lanes) {
  std::vector<std::unique_ptr<LoadWorker>> workers;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const LoadWorker::Share share{.rate = plan.rate / static_cast<double>(lanes.size()),
                                  .requests = part_of(plan.requests, i, lanes.size()),
                                  .first_topic = i * plan.topics / lanes.size()};
    if (plan.requests > 0 && share.requests == 0) continue;
    workers.push_back(std::make_unique<LoadWorker>(plan, codec, clock, share, std::move(lanes[i])));
  }
  return workers;
}

void watch_workers(const std::vector<std::unique_ptr<LoadWorker>>& workers,
                   const std::function<void(const LoadStatus&)>& show) {
  const auto start = std::chrono::steady_clock::now();
  auto next = start + kStatusInterval;
  const auto finished = [](const auto& worker) { return worker->counters().finished.load(); };
  while (!std::ranges::all_of(workers, finished)) {
    std::this_thread::sleep_for(kLookInterval);
    const auto now = std::chrono::steady_clock::now();
    if (now < next) continue;
    next = now + kStatusInterval;
    LoadStatus status{.seconds = std::chrono::duration<double>(now - start).count()};
    for (const auto& worker : workers) {
      status.done += worker->counters().done.load(std::memory_order_relaxed);
      status.failed += worker->counters().failed.load(std::memory_order_relaxed);
    }
    show(status);
  }
}

}  // namespace

void count_done(LoadResult& result, std::chrono::nanoseconds since_begin, std::uint64_t count) {
  result.done += count;
  const auto slot = static_cast<std::size_t>(since_begin / kSeriesInterval);
  if (slot >= result.series.size()) result.series.resize(slot + 1);
  result.series[slot] += count;
}

void count_error(LoadResult& result, std::string_view text) {
  ++result.failed;
  std::string key(text.substr(0, kMaxErrorBytes));
  if (result.errors.size() >= kMaxErrorTexts && !result.errors.contains(key)) key = "(other texts)";
  ++result.errors[key];
}

void merge(LoadResult& into, const LoadResult& from) {
  into.done += from.done;
  into.empty += from.empty;
  into.failed += from.failed;
  into.unanswered += from.unanswered;
  into.unsent += from.unsent;
  into.broken_connections += from.broken_connections;
  into.latency.merge(from.latency);
  into.series.resize(std::max(into.series.size(), from.series.size()));
  for (std::size_t i = 0; i < from.series.size(); ++i) into.series[i] += from.series[i];
  for (const auto& [text, times] : from.errors) into.errors[text] += times;
}

client::Result<LoadResult> run_load(const LoadPlan& plan, const Codec& codec,
                                    const std::function<void(const LoadStatus&)>& on_status) {
  allow_many_sockets();
  auto lanes = connect_lanes(plan, codec);
  if (!lanes) return std::unexpected(std::move(lanes.error()));
  const Nanoseconds begin = monotonic_now() + plan.warmup.count();
  const LoadClock clock{.begin = begin, .end = begin + plan.duration.count()};
  const auto workers = make_workers(plan, codec, clock, std::move(*lanes));
  const double cpu_before = cpu_seconds();
  {
    std::vector<std::jthread> threads;
    threads.reserve(workers.size());
    for (const auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });
    watch_workers(workers, on_status);
  }
  LoadResult result;
  result.client_cpu_seconds = cpu_seconds() - cpu_before;
  Nanoseconds last = clock.begin;
  result.drained = true;
  for (const auto& worker : workers) {
    merge(result, worker->result());
    result.drained = result.drained && worker->result().drained;
    last = std::max(last, worker->finished_at());
  }
  result.seconds = static_cast<double>(std::min(last, clock.end) - clock.begin) / 1e9;
  return result;
}

}  // namespace walrus::bench
