// produce: records through walrus::client::Producer, which gathers batches and writes each record exactly once. What a
// program that uses the library gets, not what the server can do at most.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "bench/commands.h"
#include "bench/lane.h"
#include "bench/live_line.h"
#include "bench/load_run.h"
#include "walrus/client/producer.h"

namespace walrus::bench {
namespace {

using namespace std::chrono_literals;

/// One producer: run() on a thread of its own, which send() holds back; everything else on the producer's.
class ProducerRun {
 public:
  ProducerRun(const LoadCommand& command, const std::vector<std::string>& topics, const std::string& payload,
              Nanoseconds start)
      : topics_(topics),
        payload_(payload),
        begin_(start + command.plan.warmup.count()),
        end_(begin_ + command.plan.duration.count()),
        producer_({.endpoints = command.plan.endpoints,
                   .max_buffered_bytes = command.plan.depth * (payload.size() + kOfARecord)}) {}

  void run() {
    for (std::size_t i = 0;; ++i) {
      const Nanoseconds sent = monotonic_now();
      if (sent >= end_) break;
      producer_.send(topics_[i % topics_.size()], {.value = payload_},
                     [this, sent](const auto& offset) { count(offset, sent); });
    }
    (void)producer_.flush();  // count() has heard of what failed
  }

  std::uint64_t done() const { return done_.load(std::memory_order_relaxed); }
  /// After run().
  const LoadResult& result() const { return result_; }

 private:
  static constexpr std::size_t kOfARecord = 16;  // around its payload, about

  void count(const client::Result<std::uint64_t>& offset, Nanoseconds sent) {
    if (!offset) return count_error(result_, offset.error().text);
    done_.fetch_add(1, std::memory_order_relaxed);
    const Nanoseconds now = monotonic_now();
    if (now < begin_ || now >= end_) return;
    count_done(result_, std::chrono::nanoseconds(now - begin_));
    result_.latency.record(static_cast<std::uint64_t>(now - sent));
  }

  const std::vector<std::string>& topics_;
  const std::string& payload_;
  const Nanoseconds begin_;
  const Nanoseconds end_;
  std::atomic<std::uint64_t> done_{0};
  LoadResult result_;
  client::Producer producer_;  // last: its thread ends first
};

}  // namespace

int run(const ProduceCommand& command) {
  const LoadCommand& load = command.load;
  const auto codec = codec_of(load);
  if (const auto status = prepare(load, *codec)) return *status;
  const std::vector<std::string> topics = topics_of(load);
  const std::string payload = payload_of(load.record_bytes);
  const Nanoseconds start = monotonic_now();
  std::vector<std::unique_ptr<ProducerRun>> runs;
  std::vector<std::thread> threads;
  std::atomic<std::size_t> running{load.plan.connections};
  for (std::size_t i = 0; i < load.plan.connections; ++i) {
    ProducerRun& one = *runs.emplace_back(std::make_unique<ProducerRun>(load, topics, payload, start));
    threads.emplace_back([&one, &running] {
      one.run();
      --running;
    });
  }
  {
    LiveLine line(load.workload);
    while (running > 0) {
      std::this_thread::sleep_for(100ms);
      LoadStatus status{.seconds = static_cast<double>(monotonic_now() - start) / 1e9};
      for (const auto& one : runs) status.done += one->done();
      line.show(status);
    }
  }
  LoadResult result;
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : runs) merge(result, one->result());
  result.seconds = std::chrono::duration<double>(load.plan.duration).count();
  print_result(load, result);
  return status_of(result);
}

}  // namespace walrus::bench
