// The clients of a run: producers that send numbered records and never send one twice, and consumers that GET. Each is
// a thread that stays with one node as long as it answers, then goes to another one.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/call_log.h"

namespace walrus::chaos {

/// The client ports of the nodes there are. Any thread.
class Ports {
 public:
  void set(std::vector<std::uint16_t> ports) {
    const std::lock_guard guard(mutex_);
    ports_ = std::move(ports);
  }
  std::vector<std::uint16_t> all() const {
    const std::lock_guard guard(mutex_);
    return ports_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::uint16_t> ports_;
};

struct ClientOptions {
  std::uint64_t seed = 0;
  std::uint32_t depth = 8;                    ///< most requests in flight; each round sends 1 to this many
  std::uint32_t per_second = 0;               ///< requests; 0: as fast as answers come
  std::chrono::milliseconds patience{8'000};  ///< without an answer: unknown, and the connection is given up
};

/// Starts on construction. log() after join().
class Producer {
 public:
  Producer(const Ports& ports, std::uint32_t number, std::string topic, ClientOptions options);
  ~Producer() { join(); }
  void stop() { stopped_ = true; }
  void join();
  const ProducerLog& log() const { return log_; }
  std::uint64_t acknowledged() const { return acknowledged_; }  ///< any thread
  /// When the last OK came. Any thread.
  Clock::time_point last_progress() const { return Clock::time_point(Clock::duration(last_progress_)); }

 private:
  void run();

  const Ports& ports_;
  const ClientOptions options_;
  ProducerLog log_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> acknowledged_ = 0;
  std::atomic<Clock::rep> last_progress_;
  std::thread thread_;
};

/// Starts on construction. log() after join().
class Consumer {
 public:
  Consumer(const Ports& ports, std::string topic, ClientOptions options);
  ~Consumer() { join(); }
  void stop() { stopped_ = true; }
  void join();
  const ConsumerLog& log() const { return log_; }

 private:
  void run();

  const Ports& ports_;
  const ClientOptions options_;
  ConsumerLog log_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace walrus::chaos
