#include <fmt/core.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/engine_systems.h"
#include "bench/lane.h"
#include "walrus/store.h"

namespace walrus::bench {
namespace {

constexpr std::uint64_t kCallsPerLook = 64;  // at the clock

std::unexpected<Error> as_error(const store::Error& error) { return fail(ErrorCode::kIo, error.message()); }

Result<std::vector<store::Topic>> make_topics(store::Store& store, std::size_t count) {
  std::vector<store::Topic> topics;
  for (std::size_t i = 0; i < count; ++i) {
    auto topic = store.topic(fmt::format("topic-{}", i));
    if (!topic) return as_error(topic.error());
    topics.push_back(*std::move(topic));
  }
  return topics;
}

}  // namespace

Result<double> appends_per_second(std::size_t threads, std::chrono::nanoseconds duration,
                                  const std::function<Status(std::size_t thread, std::uint64_t number)>& append) {
  std::atomic<std::uint64_t> done{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  Status failed;
  const Nanoseconds start = monotonic_now();
  const Nanoseconds end = start + duration.count();
  const bool often = threads > 1;  // a call of many threads takes long
  const auto work = [&](std::size_t thread) {
    std::uint64_t number = 0;
    for (; !stop.load(std::memory_order_relaxed); ++number) {
      if ((often || number % kCallsPerLook == 0) && monotonic_now() >= end) break;
      if (Status status = append(thread, number); !status) {
        const std::lock_guard lock(mutex);
        failed = std::move(status);
        stop = true;
      }
    }
    done += number;
  };
  std::vector<std::thread> running;
  for (std::size_t i = 1; i < threads; ++i) running.emplace_back(work, i);
  work(0);
  for (std::thread& thread : running) thread.join();
  if (!failed) return fail(failed.error());
  return static_cast<double>(done) / (static_cast<double>(monotonic_now() - start) / 1e9);
}

Result<double> walrus_appends(const AppendPlan& plan) {
  store::Options options;
  options.directory = plan.directory.string();
  options.shards = plan.shards;
  options.io_uring = plan.io_uring;
  options.fsync = plan.synced ? store::Fsync::kAlways : store::Fsync::kNever;
  auto opened = store::Store::open(options);
  if (!opened) return as_error(opened.error());
  WALRUS_ASSIGN(std::vector<store::Topic> topics, make_topics(*opened, plan.topics));
  const std::string value(plan.record_bytes, 'x');
  WALRUS_ASSIGN(
      const double rate,
      appends_per_second(plan.threads, plan.duration, [&](std::size_t thread, std::uint64_t number) -> Status {
        auto offset = topics[(thread * 7 + number) % topics.size()].append(value);
        if (!offset) return as_error(offset.error());
        return {};
      }));
  if (const auto closed = opened->close(); !closed) return as_error(closed.error());
  return rate;
}

Result<double> walrus_scan(const ScanPlan& plan) {
  store::Options options;
  options.directory = plan.directory.string();
  options.fsync = store::Fsync::kNever;
  auto opened = store::Store::open(options);
  if (!opened) return as_error(opened.error());
  WALRUS_ASSIGN(std::vector<store::Topic> topics, make_topics(*opened, 1));
  store::Topic& topic = topics.front();
  const std::string value(plan.record_bytes, 'x');
  const std::vector<store::Record> batch(256 * 1024 / plan.record_bytes, store::Record{.value = value});
  for (std::size_t written = 0; written < plan.total_bytes; written += batch.size() * plan.record_bytes) {
    if (auto offset = topic.append_batch(batch); !offset) return as_error(offset.error());
  }
  if (auto sealed = topic.seal(); !sealed) return as_error(sealed.error());
  if (auto synced = opened->sync(); !synced) return as_error(synced.error());

  std::uint64_t bytes = 0;
  std::uint64_t sum = 0;  // so that each record is looked at
  const Nanoseconds start = monotonic_now();
  while (monotonic_now() < start + plan.duration.count()) {
    store::Reader reader = topic.reader(0);
    while (true) {
      auto records = reader.next();
      if (!records) return as_error(records.error());
      if (records->empty()) break;
      for (const store::RecordView& record : *records) {
        bytes += record.value.size();
        sum += static_cast<unsigned char>(record.value.back());
      }
    }
  }
  const double seconds = static_cast<double>(monotonic_now() - start) / 1e9;
  if (sum == 0) return fail(ErrorCode::kCorrupt, "no record was read");
  return static_cast<double>(bytes) / seconds;
}

}  // namespace walrus::bench
